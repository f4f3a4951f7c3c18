/** Beginnings of the words for a picture, and for what is sent: a phrase that tells of anything may tell of one beside them. */
export const PICTURES: readonly string[] = /* @__PURE__ */ [
  "image photo picture attachment upload file", // en; fr has the first two, too
  "bild foto datei fichier imagen imagem immagin allegat archivo arquivo", // de fr es pt it
  "afbeelding beeld plaatje zdjęci obraz fotograf plik obráz fotk snímek", // nl pl cs
  "изображен фото картин снимо файл зображен світлин знім", // ru uk
  "görsel görüntü resim resm fotoğraf dosya hình ảnh tệp", // tr vi
  "εικόνα φωτογραφ αρχείο kuva tiedosto billede kép imagin poz gambar berkas", // el fi da hu ro id
].flatMap((line) => line.split(" "));

/** The same for scripts that put articles and cases onto their words, or no spaces between them: anywhere in a word. */
export const PICTURES_INSIDE: readonly string[] = /* @__PURE__ */ [
  "صورة صور ملف مرفق תמונ קובץ छवि चित्र तस्वीर ছবি تصویر عکس", // ar he hi bn fa
  "ภาพ รูป ไฟล์ 画像 写真 ファイル 图 圖 照片 文件 이미지 사진 그림 파일", // th ja zh ko
].flatMap((line) => line.split(" "));
