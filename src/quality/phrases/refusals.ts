import type { Phrases } from "../phrase-table.js";

/** How models decline, and how they say that they see no image. */
export const REFUSALS: Phrases = {
  en: `i can't see | i cannot see | i can not see | i can't view | i cannot view | i can't assist | i cannot assist | i can't help
    | i cannot help | i can't describe | i cannot describe | i can't identify | i cannot identify | i can't provide
    | i cannot provide | i can't process | i cannot process | i can't analy* | i cannot analy* | i can't access
    | i cannot access | i can't comply | i cannot comply | i can't fulfill | i cannot fulfill | i can't recogn* | i cannot recogn*
    | i can't generate | i cannot generate | i can't determine | i cannot determine | i can't directly | i cannot directly
    | i'm unable to | i am unable to | i'm not able to | i am not able to | i was unable to | i wasn't able to | i won't be able to
    | i don't see an image | i do not see an image | i don't see any image* | i do not see any image* | i don't see the image
    | i don't have the ability | i do not have the ability | i don't have the capab* | i do not have the capab*
    | i don't have access | i do not have access | i don't have any image | i must decline | i have to decline | i will not describe
    | i'm sorry, but | i am sorry, but | i'm sorry, i | i am sorry, i | ^sorry, i | ^sorry, but i | ^unfortunately, i | i apologize
    | i apologise | as an ai | as an artificial intelligence | as a language model | as a large language model | as a text-based
    | i'm a language model | i am a language model | i'm a large language model | i'm an ai | i am an ai | i'm just an ai
    | i'm a text-based | i am a text-based | text-based ai | text-only model | my guidelines | my programming
    | no image was | no image has been | no image is attached | no image attached | no image provided | no image is provided
    | no picture was provided | no photo was provided | there is no image attached | there is no image provided
    | there is no image to | there's no image to | please provide the image | please provide an image | please provide me with
    | please provide more | please upload | please share the image | please attach | please describe the image
    | could you provide the image | could you please provide | could you please describe | could you describe the image
    | image you're referring to | image you are referring to | you haven't shared | you haven't attached | you didn't attach
    | you have not provided | if you can describe | if you could describe | if you describe | content policy
    | the image could not be loaded | the image failed to load | the image did not load | image is not available
    | the image is not visible to me | isn't visible to me | unable to view the image | unable to see the image | unable to process the image
    | can't be displayed to me | not comfortable describing | i'd be happy to help | i would be happy to help | i'm happy to help`,
  de: `ich kann das bild nicht | ich kann dieses bild nicht | ich kann kein bild | ich kann keine bilder | ich kann leider
    | ich sehe kein bild | ich sehe leider | ich bin nicht in der lage | ich bin leider nicht | es tut mir leid | tut mir leid
    | als ki | als künstliche intelligenz | als sprachmodell | als großes sprachmodell | ich bin ein sprachmodell | ich bin eine ki
    | als textbasierte* | kein bild vorhanden | kein bild angehängt | es wurde kein bild | bitte laden sie | bitte lade das bild
    | bitte stellen sie | bitte senden sie mir | bitte beschreiben sie | leider kann ich | dabei kann ich nicht | ich darf nicht
    | ich kann ihnen nicht | ich kann dir nicht | ich kann personen | ich kann die person | meinen richtlinien`,
  fr: `je ne peux pas | je ne peux malheureusement | je ne suis pas en mesure | je suis incapable de | je ne vois pas d'image
    | je ne vois aucune image | je suis désolé | je suis désolée | ^désolé, | désolé, mais | je regrette, mais
    | en tant qu'ia | en tant qu'intelligence artificielle | en tant que modèle de langage | je suis un modèle | aucune image n'a été
    | aucune image fournie | aucune image jointe | il n'y a pas d'image jointe | veuillez fournir | veuillez télécharger
    | veuillez joindre | pourriez-vous fournir | pourriez-vous décrire | je n'ai pas la capacité | je n'ai pas accès
    | je n'ai pas la possibilité | je dois refuser | malheureusement, je`,
  es: `no puedo ver | no puedo describir | no puedo ayudar* | no puedo identificar | no puedo procesar | no puedo analizar
    | no puedo acceder | no puedo proporcionar | no soy capaz de | no me es posible | no veo ninguna imagen | no veo la imagen
    | lo siento, | lo siento pero | lamento no poder | lamentablemente, no | como ia, | como ia no | como inteligencia artificial
    | como modelo de lenguaje | soy un modelo de lenguaje | soy una ia | no se ha proporcionado ninguna | no hay ninguna imagen adjunta
    | no se proporcionó | no has adjuntado | por favor, proporciona* | por favor, adjunta* | por favor, sube | por favor sube
    | no tengo la capacidad | no tengo acceso | no tengo la posibilidad | mis directrices | ¿podrías describir* | podrías proporcionar`,
  pt: `não consigo ver | não posso ver | não consigo visualizar | não posso descrever | não consigo descrever | não posso ajudar
    | não posso identificar | não consigo identificar | não consigo processar | não consigo acessar | não sou capaz de | não vejo nenhuma imagem
    | não estou vendo | desculpe, | desculpe, mas | sinto muito, | lamento, mas | peço desculpa | infelizmente, não | infelizmente não consigo
    | como ia, | como ia no | como uma ia | como uma inteligência artificial | como inteligência artificial | como modelo de linguagem
    | como um modelo de linguagem | sou um modelo de linguagem | sou uma ia | nenhuma imagem foi | não foi fornecida | não foi enviada
    | por favor, envie | por favor, forneça | por favor, anexe | não tenho a capacidade | não tenho capacidade | não tenho acesso`,
  it: `non posso vedere | non riesco a vedere | non posso descrivere | non posso aiutar* | non posso identificare | non sono in grado
    | non vedo alcuna immagine | non vedo nessuna immagine | mi dispiace, | mi dispiace ma | spiacente, | purtroppo non posso
    | purtroppo non sono | come ia | come intelligenza artificiale | come modello linguistico | come modello di linguaggio | sono un modello
    | nessuna immagine è stata | non è stata fornita | per favore, fornisci | per favore, carica | non ho la capacità | non ho accesso`,
  nl: `ik kan de afbeelding niet | ik kan deze afbeelding niet | ik kan geen afbeelding* | ik kan het beeld niet | ik kan de foto niet
    | ik kan helaas | ik zie geen afbeelding | ik ben niet in staat | het spijt me | sorry, maar ik | als ai | als taalmodel
    | als een ai | ik ben een taalmodel | ik ben een ai | er is geen afbeelding bij* | er is geen afbeelding ge* | upload de afbeelding
    | stuur de afbeelding | helaas kan ik | ik kan je hier niet | ik kan u niet`,
  pl: `nie mogę zobaczyć | nie widzę obraz* | nie widzę zdjęcia | nie widzę żadn* | nie jestem w stanie | nie mogę opisać | nie mogę pomóc
    | nie mogę zidentyfikować | nie mogę udzielić | przykro mi, | przepraszam, ale | niestety, nie | niestety nie mogę | jako sztuczna inteligencja
    | jako ai | jako model językowy | jako duży model | jestem modelem | nie dołączono | nie przesłano | nie załączono
    | proszę przesłać | proszę o przesłanie | prześlij zdjęcie | prześlij obraz | proszę załączyć | nie mam możliwości | nie mam dostępu`,
  cs: `nemohu vidět | nevidím žádný | nevidím obrázek | nejsem schopen | omlouvám se, | bohužel nemohu | je mi líto, | jako umělá inteligence
    | jako jazykový model | nemohu popsat | nemohu pomoci | žádný obrázek nebyl | prosím nahrajte | nemám přístup`,
  ru: `я не могу | я не вижу изображ* | я не вижу картин* | я не вижу фото* | не вижу никакого изображения | я не в состоянии
    | к сожалению, я | извините, но | извините, я | простите, но | прошу прощения, но | как искусственный интеллект | как ии
    | как языковая модель | я языковая модель | я — языковая модель | я являюсь | у меня нет доступа | у меня нет возможности
    | не имею возможности | изображение не было | изображение не предоставлено | изображение не прикреплено | пожалуйста, загрузите
    | пожалуйста, прикрепите | пожалуйста, предоставьте | пожалуйста, пришлите | пожалуйста, отправьте | вынужден отказать`,
  uk: `я не можу | я не бачу зображен* | я не бачу фото* | не бачу жодного зображення | на жаль, я | вибачте, але | вибачте, я
    | перепрошую, але | пробачте, але | як штучний інтелект | як ші | як мовна модель | я мовна модель | я — мовна модель
    | я не маю доступу | я не маю можливості | у мене немає | зображення не надано | зображення не було | будь ласка, завантажте
    | будь ласка, надайте | будь ласка, надішліть | будь ласка, прикріпіть`,
  tr: `görüntüyü göremiyorum | görseli göremiyorum | resmi göremiyorum | fotoğrafı göremiyorum | resimleri göremiyorum | göremiyorum
    | açıklayamam | tanımlayamam | yardımcı olamam | yardımcı olamıyorum | üzgünüm, | üzgünüm ama | özür dilerim, | maalesef bu
    | ne yazık ki bu | bir yapay zeka olarak | yapay zekâ olarak | yapay zeka modeli | bir dil modeli olarak | dil modeliyim
    | erişimim yok | yeteneğim yok | yeteneğine sahip değilim | görsel sağlanmadı | görsel eklenmemiş | resim eklenmemiş | lütfen görseli
    | lütfen resmi | lütfen fotoğrafı | lütfen bir görsel`,
  vi: `tôi không thể | tôi không nhìn thấy | tôi không thấy | xin lỗi, | tôi xin lỗi | rất tiếc, tôi | rất tiếc, nhưng | là một ai
    | là một mô hình ngôn ngữ | là mô hình ngôn ngữ | tôi là một mô hình | là một trí tuệ nhân tạo | là trí tuệ nhân tạo | tôi không có khả năng
    | tôi không có quyền | không có hình ảnh nào được | chưa có hình ảnh | bạn chưa | vui lòng cung cấp | vui lòng tải | vui lòng gửi
    | hãy cung cấp | hãy tải`,
  el: `δεν μπορώ να | δεν βλέπω εικόνα | δεν βλέπω καμία | δεν βλέπω την εικόνα | δεν είμαι σε θέση | λυπάμαι, | λυπάμαι αλλά | συγγνώμη, αλλά
    | συγγνώμη, δεν | δυστυχώς, δεν | δυστυχώς δεν μπορώ | ως τεχνητή νοημοσύνη | ως γλωσσικό μοντέλο | ως μοντέλο | είμαι ένα γλωσσικό
    | δεν έχω πρόσβαση | δεν έχω τη δυνατότητα | δεν δόθηκε εικόνα | δεν έχει επισυναφθεί | δεν παρασχέθηκε | παρακαλώ ανεβάστε
    | παρακαλώ στείλτε | παρακαλώ δώστε | παρακαλώ παρέχετε`,
  fi: `en voi nähdä | en näe kuvaa | en näe mitään kuvaa | en pysty | en voi kuvailla | en voi auttaa | en voi tunnistaa | en kykene
    | olen pahoillani | pahoittelen, | valitettavasti en | anteeksi, mutta | tekoälynä | kielimallina | olen kielimalli | olen tekoäly*
    | minulla ei ole | kuvaa ei ole liitetty | kuvaa ei ole annettu | lataa kuva | lähetä kuva | liitä kuva | ole hyvä ja lataa`,
  sv: `jag kan inte se | jag kan tyvärr | jag ser ingen bild | jag kan inte beskriva | jag kan inte hjälpa | jag kan inte identifiera
    | tyvärr kan jag | jag är ledsen, | jag beklagar | som en ai | som språkmodell | som en språkmodell | jag är en språkmodell
    | ingen bild har | ingen bild bifogad | vänligen ladda | ladda upp bilden`,
  da: `jeg kan ikke se | jeg kan desværre | jeg ser intet billede | jeg kan ikke beskrive | beklager, men | desværre kan jeg
    | som en ai | som sprogmodel | jeg er en sprogmodel | upload venligst`,
  hu: `nem látom a képet | nem látok képet | nem tudom leírni | nem tudok segíteni | sajnálom, de | sajnos nem tudom | sajnos nem látom
    | mesterséges intelligenciaként | nyelvi modellként | kérem, töltse fel | kérlek, töltsd fel`,
  ro: `nu pot vedea | nu pot să | nu văd nicio imagine | nu sunt capabil | îmi pare rău, | din păcate, nu | ca inteligență artificială
    | ca model lingvistic | ca model de limbaj | vă rog să încărcați | nu a fost furnizată`,
  id: `saya tidak dapat | saya tidak bisa | saya tidak melihat | maaf, | mohon maaf | sayangnya, saya | sebagai ai | sebagai model bahasa
    | sebagai kecerdasan buatan | saya adalah model bahasa | tidak ada gambar yang di* | silakan unggah | silakan kirim | mohon unggah
    | saya tidak memiliki`,
  ar: `لا أستطيع | لا يمكنني | لا أرى أي صورة | لا أرى صورة | لا أرى الصورة | لست قادر | غير قادر على | عذرًا، | عذراً، | عذرا، | آسف، | أنا آسف | أعتذر
    | للأسف، لا | للأسف لا | كذكاء اصطناعي | بصفتي | كنموذج لغوي | كنموذج لغة | أنا نموذج | لا أملك القدرة | ليس لدي القدرة | ليس لدي إمكانية | لم يتم إرفاق
    | لم يتم تقديم | لم يتم توفير | لم ترفق | يرجى تقديم | يرجى تحميل | يرجى إرفاق | يرجى رفع | الرجاء إرفاق | الرجاء تحميل`,
  he: `אני לא יכול | אינני יכול | איני יכול | אני לא רואה | אינני רואה | אני לא מסוגל | מצטער, | אני מצטער | מצטערת | סליחה, אבל | לצערי, | לצערי אני | לצערי אינני
    | כבינה מלאכותית | כמודל שפה | אני מודל | אין לי גישה | אין לי יכולת | אין לי אפשרות | לא צורפה תמונה | לא סופקה תמונה | לא התקבלה תמונה | אנא העלה | אנא צרף
    | אנא ספק | נא להעלות | נא לצרף`,
  hi: `मैं नहीं देख | मैं छवि नहीं | मैं इस छवि | मैं चित्र नहीं | मैं तस्वीर नहीं | मैं इस तस्वीर को नहीं | मुझे कोई छवि | मुझे कोई तस्वीर | मुझे छवि | नहीं देख सकता | नहीं देख सकती | नहीं देख पा
    | वर्णन नहीं कर सकता | वर्णन नहीं कर सकती | मदद नहीं कर सकता | मदद नहीं कर सकती | पहचान नहीं कर सकता | असमर्थ हूँ | असमर्थ हूं | सक्षम नहीं हूँ | सक्षम नहीं हूं | मुझे खेद है | क्षमा करें | माफ़ करें | माफ करें
    | मुझे माफ़ | एक एआई के रूप में | एआई मॉडल के रूप में | एक भाषा मॉडल | भाषा मॉडल के रूप में | भाषा मॉडल हूँ | कोई छवि प्रदान | कोई छवि संलग्न | कृपया छवि | कृपया चित्र | कृपया तस्वीर | कृपया एक छवि`,
  th: `ฉันไม่สามารถ | ผมไม่สามารถ | ดิฉันไม่สามารถ | ไม่สามารถมองเห็นภาพ | ไม่สามารถดูภาพ | ไม่สามารถเห็นภาพ | ไม่สามารถอธิบายภาพ | ไม่สามารถวิเคราะห์ภาพ | ไม่สามารถช่วย | มองไม่เห็นภาพ | มองไม่เห็นรูป | ฉันไม่เห็น | ผมไม่เห็น
    | ขออภัย | ขอโทษ | ในฐานะ ai | ในฐานะปัญญาประดิษฐ์ | ในฐานะโมเดลภาษา | ในฐานะแบบจำลองภาษา | เป็นโมเดลภาษา | เป็นแบบจำลองภาษา | ไม่มีรูปภาพแนบ | ไม่มีภาพแนบ | ไม่ได้แนบ | กรุณาอัปโหลด | กรุณาส่ง | กรุณาแนบ | โปรดอัปโหลด | โปรดส่ง | โปรดแนบ`,
  ja: `画像を見ることができません | 画像を見ることはできません | 画像が見えません | 画像を確認できません | 画像を表示できません | 画像を閲覧 | 見ることができません | 説明することができません | 説明することはできません | 説明できません | お答えできません | お手伝いできません
    | お手伝いすることができません | 特定することはできません | 特定できません | 申し訳ありません | 申し訳ございません | 恐れ入りますが | すみませんが | aiとして | ai言語モデル | 言語モデルとして | 言語モデルなので | 言語モデルである | 人工知能として | 画像が添付されて | 画像が提供されて | 画像が送信されて
    | 画像をアップロードしてください | 画像を添付してください | 画像を提供してください | 画像を送って | 応じることはできません | 応じられません`,
  zh: `我无法 | 我無法 | 我不能看 | 我看不到 | 我看不見 | 我没有看到 | 我不能提供 | 我不能描述 | 我不能识别 | 很抱歉 | 抱歉， | 抱歉, | 抱歉！ | 抱歉。 | 对不起 | 對不起 | 很遗憾 | 作为一个人工智能 | 作为一个ai | 作为ai | 作为人工智能 | 作為人工智慧 | 作為ai | 作为语言模型 | 作为一个语言模型 | 作为一名ai
    | 作為語言模型 | 我是一个语言模型 | 我是一个ai | 没有提供图片 | 未提供图片 | 没有上传 | 沒有上傳 | 请上传 | 請上傳 | 请提供图片 | 请提供图像 | 请提供更多 | 請提供圖片 | 没有附上 | 我不具备 | 无法查看图片 | 无法查看图像 | 无法识别图`,
  ko: `이미지를 볼 수 없 | 사진을 볼 수 없 | 이미지를 직접 볼 수 | 그림을 볼 수 없 | 이미지가 보이지 않 | 이미지를 확인할 수 없 | 이미지를 설명할 수 없 | 설명할 수 없습니다 | 설명해 드릴 수 없 | 도와드릴 수 없 | 도움을 드릴 수 없 | 식별할 수 없습니다 | 제공할 수 없습니다 | 분석할 수 없
    | 죄송합니다 | 죄송하지만 | 유감스럽게도 | 안타깝게도 저는 | 인공지능으로서 | ai로서 | 언어 모델로서 | 언어 모델이기 | 언어 모델입니다 | 저는 ai | 이미지가 제공되지 | 이미지가 첨부되지 | 사진이 첨부되지 | 이미지를 업로드해 | 이미지를 첨부해 | 이미지를 제공해 | 사진을 올려`,
  bn: `আমি ছবিটি দেখতে | আমি দেখতে পারি না | আমি দুঃখিত | দুঃখিত, | একটি ভাষা মডেল | এআই হিসেবে | অনুগ্রহ করে ছবি`,
  fa: `من نمی‌توانم | نمی‌توانم تصویر | متأسفم | متاسفم | به عنوان یک هوش | به عنوان یک مدل | لطفا تصویر | لطفاً تصویر`,
};
