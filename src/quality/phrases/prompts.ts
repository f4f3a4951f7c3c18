import type { Phrases } from "../phrase-table.js";

/** What people ask models for, with nothing of the picture in it: no description begins like that. */
export const PROMPTS: Phrases = {
  en: `^describe this | ^describe the | ^describe what | ^please describe | ^what is in this | ^what's in this | ^what do you see | ^write a caption | ^write a description | ^generate a caption | ^caption this | ^in one sentence, describe | ^you are a helpful | ^you are an expert | ^answer in`,
  de: `^beschreibe das | ^beschreibe dieses | ^beschreiben sie | ^bitte beschreibe | ^was ist auf diesem | ^was siehst du | ^du bist ein hilfreicher`,
  fr: `^décris cette | ^décrivez cette | ^décris l'image | ^décrivez l'image | ^que vois-tu | ^que voyez-vous | ^tu es un assistant`,
  es: `^describe esta | ^describe la imagen | ^describa la | ^describa esta | ^qué ves en | ^qué hay en esta | ^eres un asistente`,
  pt: `^descreva esta | ^descreva a imagem | ^descreve a | ^descreve esta | ^o que você vê | ^o que há nesta | ^você é um assistente`,
  it: `^descrivi questa | ^descrivi l'immagine | ^descriva | ^cosa vedi`,
  nl: `^beschrijf deze | ^beschrijf de | ^wat zie je`,
  pl: `^opisz to | ^opisz obraz | ^opisz zdjęcie | ^co widzisz`,
  ru: `^опиши это | ^опишите это | ^опишите изображение | ^опиши изображение | ^опишите фото* | ^что изображено на | ^что вы видите`,
  uk: `^опиши це | ^опишіть це | ^опишіть зображення | ^опиши зображення | ^опишіть фото* | ^що ви бачите`,
  tr: `^bu görseli açıkla | ^bu resmi açıkla | ^görseli betimle | ^bu görseli tanımla | ^bu fotoğrafı betimle | ^bu fotoğrafı açıkla | ^görselde ne görüyorsun`,
  vi: `^hãy mô tả | ^mô tả bức ảnh này | ^mô tả hình ảnh này | ^bạn thấy gì`,
  el: `^περιγράψτε την | ^περιγράψτε αυτήν | ^περίγραψε | ^τι βλέπετε`,
  fi: `^kuvaile tätä | ^kuvaile tämä | ^kuvaile kuva | ^mitä näet`,
  sv: `^beskriv bilden | ^beskriv den här`,
  ar: `^صف هذه | ^صف الصورة | ^اوصف | ^قم بوصف | ^ماذا ترى`,
  he: `^תאר את | ^תארי את | ^תארו את | ^מה אתה רואה`,
  hi: `^इस छवि का वर्णन करें | ^इस तस्वीर का वर्णन करें | ^इस चित्र का वर्णन | ^छवि का वर्णन करें | ^आप क्या देखते`,
  th: `^อธิบายภาพนี้ | ^อธิบายรูปภาพ | ^บรรยายภาพนี้ | ^จงอธิบาย | ^จงบรรยาย | ^คุณเห็นอะไร`,
  ja: `^この画像を説明 | ^画像を説明して | ^この写真を説明 | ^この画像について説明 | ^この画像には何が`,
  zh: `^请描述 | ^描述这张 | ^描述一下 | ^请用一句话 | ^请用两句话 | ^請描述 | ^这张图片里有什么`,
  ko: `^이 이미지를 설명 | ^이 사진을 설명 | ^이미지를 설명해 | ^사진을 설명해 | ^이 사진을 묘사 | ^이 이미지에 대해 설명`,
};
