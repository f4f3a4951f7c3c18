import type { Phrases } from "../phrase-table.js";

/** How models decline, and how they say that they see no image. */
export const REFUSALS: Phrases = {
  en: `~could you | ~anything attached | ~nothing attached | i prefer not | i'd rather not | ~this request | only text reached | picture itself is missing | ^the image is missing | ^image is missing | ^your image is missing | ~image seems to be missing | ~never arrived | ~didn't arrive | ~did not arrive | ~haven't received | ~have not received | ~didn't receive | ~did not receive
    | i was not able | i'm not allowed | i am not allowed | i'm not permitted | ~no attachment | ~nothing came through | ~didn't come through | ~did not come through | nothing for me to | ~something went wrong while | i wish i could | without the image
    | ~without seeing | i can only read | i only read text | i have no eyes | i have no access | i lack the | i'm sorry | i am sorry | ~i regret | please resend | ~please send | send it again | upload it again
    | i can't actually | i cannot actually | i don't have vision | i do not have vision | i have no vision | i have no way | there's no picture | there's no image
    | there is no picture in | there is no image here | there is no image in | could you tell me what | ~didn't load | ~did not load | ~couldn't be loaded | ~could not be loaded
    | ~cannot be loaded | ~can't be loaded | ~could not be displayed | ~couldn't be displayed | ~failed to load | ~couldn't load | ~unable to load | ~unable to open | ~unable to display
    | not accessible to me | my apologies | i'm afraid i | i am afraid i | i would need to see | i'd need to see | i couldn't | i could not | i can't open | i cannot open | i can't load
    | i can't see | i cannot see | i can not see | i can't view | i cannot view | i can't assist | i cannot assist | i can't help
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
    | ~please provide more | ~please upload | please share the image | ~please attach | please describe the image
    | could you provide the image | could you please provide | could you please describe | could you describe the image
    | image you're referring to | image you are referring to | you haven't shared | you haven't attached | you didn't attach
    | ~you have not provided | if you can describe | if you could describe | if you describe | content policy
    | the image could not be loaded | the image failed to load | the image did not load | image is not available
    | the image is not visible to me | isn't visible to me | unable to view the image | unable to see the image | unable to process the image
    | can't be displayed to me | not comfortable describing | i'd be happy to help | i would be happy to help | i'm happy to help`,
  de: `kein foto angekommen | kein bild angekommen | ~nicht angekommen | kein bild erhalten | wurde kein bild | wurde kein foto | kein foto erhalten | ~keine auskunft | bei mir kein
    | darf ich keine | darf ich nicht | kann ich keine | kann ich nicht | kann ich leider | ohne das bild | ~textbasiert* | keine bilder sehen | ~bitte erneut | noch einmal hochladen | ~bitte noch einmal | ich bedaure
    | ~keinen zugriff auf | ~nicht geladen werden | ~nicht angezeigt werden | anfrage leider nicht | ^entschuldigung, | ^entschuldige, | ich sehe nichts | ich habe keine möglichkeit | ich habe leider | ich konnte das bild | ich konnte die
    | ich kann das bild nicht | ich kann dieses bild nicht | ich kann kein bild | ich kann keine bilder | ich kann leider
    | ich sehe kein bild | ich sehe leider | ich bin nicht in der lage | ich bin leider nicht | es tut mir leid | tut mir leid
    | ^als ki | als künstliche intelligenz | als sprachmodell | als großes sprachmodell | ich bin ein sprachmodell | ich bin eine ki
    | als textbasierte* | kein bild vorhanden | kein bild angehängt | ~bitte laden sie | bitte lade das bild
    | ~bitte stellen sie | bitte senden sie mir | ~bitte beschreiben sie | leider kann ich | dabei kann ich nicht | ich darf nicht
    | ich kann ihnen nicht | ich kann dir nicht | ich kann personen | ich kann die person | meinen richtlinien`,
  fr: `je n'ai reçu | ~pas reçu | ~de votre part | ~n'est pas arrivée | ~pouvez-vous
    | sans l'image | je n'ai pas d'accès | je ne suis pas autorisé | modèle textuel | je ne peux malheureusement | ~veuillez réessayer | ~veuillez renvoyer | ~^pardon, | toutes mes excuses | il m'est impossible
    | je n'ai pas pu | ~n'a pas pu être | je ne vois rien | ~ne s'est pas chargée | je ne dispose pas | je ne parviens pas | je n'arrive pas | ~impossible de charger | ~impossible d'afficher
    | je ne peux pas | je ne peux malheureusement | je ne suis pas en mesure | je suis incapable de | je ne vois pas d'image
    | je ne vois aucune image | je suis désolé | je suis désolée | ^désolé, | désolé, mais | je regrette, mais
    | en tant qu'ia | en tant qu'intelligence artificielle | en tant que modèle de langage | je suis un modèle | aucune image n'a été
    | aucune image fournie | aucune image jointe | il n'y a pas d'image jointe | ~veuillez fournir | ~veuillez télécharger
    | ~veuillez joindre | ~pourriez-vous fournir | ~pourriez-vous décrire | je n'ai pas la capacité | je n'ai pas accès
    | je n'ai pas la possibilité | je dois refuser | malheureusement, je`,
  es: `no me ha llegado | ~no ha llegado | ~no he recibido | ~no recibí | ~puedes enviar* | ~podrías enviar*
    | sin la imagen | no estoy autorizado | ~modelo de texto | ~inténtalo de nuevo | vuelve a subir | ~^perdona, | ~^perdón, | me resulta imposible | no me está permitido | no veo ningun*
    | no pude | ~no se pudo | ~no se ha podido | no puedo cargar | no puedo abrir | no tengo forma de | no tengo manera | ~disculpa, | ~disculpe, | no logro ver
    | no puedo ver | no puedo describir | no puedo ayudar* | no puedo identificar | no puedo procesar | no puedo analizar
    | no puedo acceder | no puedo proporcionar | no soy capaz de | no me es posible | no veo ninguna imagen | no veo la imagen
    | lo siento, | lo siento pero | lamento no poder | lamentablemente, no | ~como ia, | como ia no | como inteligencia artificial
    | como modelo de lenguaje | soy un modelo de lenguaje | soy una ia | no se ha proporcionado ninguna | no hay ninguna imagen adjunta
    | ~no se proporcionó | no has adjuntado | ~por favor, proporciona* | ~por favor, adjunta* | ~por favor, sube | ~por favor sube
    | no tengo la capacidad | no tengo acceso | no tengo la posibilidad | mis directrices | ¿podrías describir* | podrías proporcionar`,
  pt: `~não recebi | ~não chegou | ~pode enviar
    | sem a imagem | não me é possível | ~modelo de texto | ~tente novamente | envie novamente | ~^desculpa, | ~^perdão, | não estou autorizado | não vejo
    | não tenho como | ~não foi possível | não consigo carregar | não consigo abrir | não pude
    | não consigo ver | não posso ver | não consigo visualizar | não posso descrever | não consigo descrever | não posso ajudar
    | não posso identificar | não consigo identificar | não consigo processar | não consigo acessar | não sou capaz de | não vejo nenhuma imagem
    | não estou vendo | desculpe, | desculpe, mas | sinto muito, | lamento, mas | peço desculpa | ~infelizmente, não | infelizmente não consigo
    | ~como ia, | como ia no | como uma ia | como uma inteligência artificial | como inteligência artificial | como modelo de linguagem
    | como um modelo de linguagem | sou um modelo de linguagem | sou uma ia | nenhuma imagem foi | ~não foi fornecida | ~não foi enviada
    | ~por favor, envie | ~por favor, forneça | ~por favor, anexe | não tenho a capacidade | não tenho capacidade | não tenho acesso`,
  it: `~non ho ricevuto | ~non è arrivata | ~potresti inviar*
    | senza l'immagine | non mi è possibile | ~modello testuale | ~purtroppo non | ~^scusa, | ~^scusi, | non ho modo
    | non ho la possibilità | ~non è stato possibile | ~impossibile caricare | non ho potuto | non sono riuscito
    | non posso vedere | non riesco a vedere | non posso descrivere | non posso aiutar* | non posso identificare | non sono in grado
    | non vedo alcuna immagine | non vedo nessuna immagine | mi dispiace, | mi dispiace ma | spiacente, | purtroppo non posso
    | purtroppo non sono | come ia | come intelligenza artificiale | come modello linguistico | come modello di linguaggio | sono un modello
    | nessuna immagine è stata | ~non è stata fornita | ~per favore, fornisci | ~per favore, carica | non ho la capacità | non ho accesso`,
  nl: `zonder de afbeelding | ik heb geen toegang | ik mag niet | probeer het opnieuw | ~helaas geen
    | ~niet worden geladen | ~geen toegang tot | kon de afbeelding | kan geen foto*
    | ik kan de afbeelding niet | ik kan deze afbeelding niet | ik kan geen afbeelding* | ik kan het beeld niet | ik kan de foto niet
    | ik kan helaas | ik zie geen afbeelding | ik ben niet in staat | het spijt me | sorry, maar ik | als ai | als taalmodel
    | als een ai | ik ben een taalmodel | ik ben een ai | er is geen afbeelding bij* | er is geen afbeelding ge* | upload de afbeelding
    | stuur de afbeelding | helaas kan ik | ik kan je hier niet | ik kan u niet`,
  pl: `~nie otrzymał* | ~nie dotarł* | ~nie dostał*
    | bez obrazu | bez zdjęcia | nie mam jak | nie wolno mi | ~model tekstowy | ~spróbuj ponownie | ~proszę spróbować | ~wybacz, | niestety, obraz | niestety obraz | nie widzę tu
    | ~nie udało się | ~nie można wczytać | ~nie można załadować | nie mogę otworzyć | nie mogę wyświetlić | nie potrafię
    | nie mogę zobaczyć | nie widzę obraz* | nie widzę zdjęcia | nie widzę żadn* | nie jestem w stanie | nie mogę opisać | nie mogę pomóc
    | nie mogę zidentyfikować | nie mogę udzielić | przykro mi, | przepraszam, ale | ~niestety, nie | niestety nie mogę | jako sztuczna inteligencja
    | jako ai | jako model językowy | jako duży model | jestem modelem | ~nie dołączono | ~nie przesłano | ~nie załączono
    | proszę przesłać | proszę o przesłanie | prześlij zdjęcie | prześlij obraz | ~proszę załączyć | nie mam możliwości | nie mam dostępu`,
  cs: `nemohu vidět | nevidím žádný | nevidím obrázek | nejsem schopen | omlouvám se, | bohužel nemohu | je mi líto, | jako umělá inteligence
    | jako jazykový model | nemohu popsat | nemohu pomoci | žádný obrázek nebyl | prosím nahrajte | nemám přístup`,
  ru: `~не дошла | ~не дошло | ~не получил | ~не получила | ~как текстовый | не умею | ~пришлите
    | без изображения | текстовая модель | ~не отображается | ~попробуйте ещё раз | ~попробуйте снова | ~пожалуйста, приложите | ~приложите | пришлите ещё раз | мне не разрешено | мне нельзя | сожалею, | не вижу фотографий | не вижу изображений
    | ~не удалось загрузить | ~не удалось открыть | ~не загрузилось | не могу увидеть | не могу открыть | не могу просмотреть | не могу распознать | изображение недоступно
    | я не могу | я не вижу изображ* | я не вижу картин* | я не вижу фото* | не вижу никакого изображения | я не в состоянии
    | к сожалению, я | извините, но | извините, я | простите, но | прошу прощения, но | как искусственный интеллект | ~как ии
    | как языковая модель | я языковая модель | я — языковая модель | я являюсь | у меня нет доступа | у меня нет возможности
    | не имею возможности | изображение не было | изображение не предоставлено | изображение не прикреплено | ~пожалуйста, загрузите
    | ~пожалуйста, прикрепите | ~пожалуйста, предоставьте | ~пожалуйста, пришлите | ~пожалуйста, отправьте | вынужден отказать`,
  uk: `~не дійшло | ~не отримав | ~не отримала | не вмію | ~як текстов*
    | без зображення | текстова модель | ~не відображається | ~не відкривається | ~спробуйте ще раз | додайте зображення | мені не дозволено | ~шкода, | не бачу світлин | не бачу зображень | не бачу фотографій
    | ~не вдалося завантажити | ~не вдалося відкрити | ~не завантажилося | не можу побачити | не можу відкрити | зображення недоступне
    | я не можу | я не бачу зображен* | я не бачу фото* | не бачу жодного зображення | на жаль, я | вибачте, але | вибачте, я
    | перепрошую, але | пробачте, але | як штучний інтелект | як ші | як мовна модель | я мовна модель | я — мовна модель
    | я не маю доступу | я не маю можливості | ~у мене немає | зображення не надано | зображення не було | ~будь ласка, завантажте
    | ~будь ласка, надайте | ~будь ласка, надішліть | ~будь ласка, прикріпіть`,
  tr: `bana ulaşmadı | ~ulaşmadı | ~bana herhangi bir | almadım
    | görüntüleyemiyorum | görüntüleyemem | açamıyorum | bilgi veremem | söyleyemem | ~metin tabanlı | ~tekrar yükle* | ~tekrar gönder* | ~tekrar dene* | kusura bakma*
    | ~yüklenemedi | ~görüntülenemiyor | ~açılamadı | göremedim | erişemiyorum | yapamıyorum | görme yeteneğim
    | görüntüyü göremiyorum | görseli göremiyorum | resmi göremiyorum | fotoğrafı göremiyorum | resimleri göremiyorum | göremiyorum
    | açıklayamam | tanımlayamam | yardımcı olamam | yardımcı olamıyorum | üzgünüm, | üzgünüm ama | özür dilerim, | ~maalesef bu
    | ~ne yazık ki bu | bir yapay zeka olarak | yapay zekâ olarak | yapay zeka modeli | bir dil modeli olarak | dil modeliyim
    | erişimim yok | yeteneğim yok | yeteneğine sahip değilim | görsel sağlanmadı | görsel eklenmemiş | resim eklenmemiş | lütfen görseli
    | lütfen resmi | lütfen fotoğrafı | lütfen bir görsel`,
  vi: `~chưa nhận được | ~không nhận được
    | gửi lại hình | gửi lại ảnh | ~tải lại | tôi không xem | tôi không được phép | ~thử lại | ~mô hình văn bản | rất tiếc, hình | rất tiếc, ảnh
    | ~không thể tải | ~không tải được | ~không thể mở | ~không xem được | không nhận được hình | không nhận được ảnh
    | tôi không thể | tôi không nhìn thấy | tôi không thấy | xin lỗi, | tôi xin lỗi | rất tiếc, tôi | rất tiếc, nhưng | là một ai
    | là một mô hình ngôn ngữ | là mô hình ngôn ngữ | tôi là một mô hình | là một trí tuệ nhân tạo | là trí tuệ nhân tạo | tôi không có khả năng
    | tôi không có quyền | không có hình ảnh nào được | chưa có hình ảnh | bạn chưa | ~vui lòng cung cấp | ~vui lòng tải | ~vui lòng gửi
    | ~hãy cung cấp | ~hãy tải`,
  el: `χωρίς την εικόνα | δεν μου επιτρέπεται | ~δοκιμάστε ξανά | ~μοντέλο κειμένου | δυστυχώς η εικόνα | δυστυχώς, η εικόνα | με συγχωρείτε
    | ~δεν φορτώθηκε | ~δεν ήταν δυνατή | δεν μπόρεσα | αδυνατώ να
    | δεν μπορώ να | δεν βλέπω εικόνα | δεν βλέπω καμία | δεν βλέπω την εικόνα | δεν είμαι σε θέση | λυπάμαι, | λυπάμαι αλλά | συγγνώμη, αλλά
    | συγγνώμη, δεν | ~δυστυχώς, δεν | δυστυχώς δεν μπορώ | ως τεχνητή νοημοσύνη | ως γλωσσικό μοντέλο | ως μοντέλο | είμαι ένα γλωσσικό
    | δεν έχω πρόσβαση | δεν έχω τη δυνατότητα | δεν δόθηκε εικόνα | ~δεν έχει επισυναφθεί | ~δεν παρασχέθηκε | ~παρακαλώ ανεβάστε
    | ~παρακαλώ στείλτε | ~παρακαλώ δώστε | ~παρακαλώ παρέχετε`,
  fi: `en ole saanut | ~ei saapunut
    | ilman kuvaa | en saa | kuva ei avautunut | ~ei avautunut | ~tekstipohjainen | ~yritä uudelleen | kuva puuttuu | harmillisesti en
    | ~ei voitu ladata | ~ei latautunut | en näe | en saanut kuvaa | kuvaa ei voi
    | en voi nähdä | en näe kuvaa | en näe mitään kuvaa | en pysty | en voi kuvailla | en voi auttaa | en voi tunnistaa | en kykene
    | olen pahoillani | pahoittelen, | valitettavasti en | anteeksi, mutta | tekoälynä | kielimallina | olen kielimalli | olen tekoäly*
    | minulla ei ole | kuvaa ei ole liitetty | kuvaa ei ole annettu | lataa kuva | lähetä kuva | liitä kuva | ~ole hyvä ja lataa`,
  sv: `utan bilden | ~textbaserad | ~försök igen | jag får inte | tyvärr, jag | tyvärr har jag
    | ~kunde inte laddas | ~kunde inte läsas | ~kunde inte öppna | jag har inte tillgång
    | jag kan inte se | jag kan tyvärr | jag ser ingen bild | jag kan inte beskriva | jag kan inte hjälpa | jag kan inte identifiera
    | tyvärr kan jag | jag är ledsen, | jag beklagar | som en ai | som språkmodell | som en språkmodell | jag är en språkmodell
    | ingen bild har | ingen bild bifogad | ~vänligen ladda | ladda upp bilden`,
  da: `jeg kan ikke se | jeg kan desværre | jeg ser intet billede | jeg kan ikke beskrive | beklager, men | desværre kan jeg
    | som en ai | som sprogmodel | jeg er en sprogmodel | upload venligst`,
  hu: `nem látom a képet | nem látok képet | nem tudom leírni | nem tudok segíteni | sajnálom, de | sajnos nem tudom | sajnos nem látom
    | mesterséges intelligenciaként | nyelvi modellként | kérem, töltse fel | kérlek, töltsd fel`,
  ro: `nu pot vedea | nu pot să | nu văd nicio imagine | nu sunt capabil | îmi pare rău, | din păcate, nu | ca inteligență artificială
    | ca model lingvistic | ca model de limbaj | vă rog să încărcați | ~nu a fost furnizată`,
  id: `~belum menerima | ~tidak menerima
    | tanpa gambar | ~coba lagi | ~kirim ulang | ~unggah ulang | ~berbasis teks | saya tidak
    | ~tidak dapat dimuat | ~gagal memuat | gambar tidak dapat | gambar tidak bisa | gambar tidak ada | gambar tidak tersedia | gambar tidak muncul | gambar tidak terkirim | gambar tidak terbuka | foto tidak dapat
    | saya tidak dapat | saya tidak bisa | saya tidak melihat | maaf, | mohon maaf | sayangnya, saya | sebagai ai | sebagai model bahasa
    | sebagai kecerdasan buatan | saya adalah model bahasa | tidak ada gambar yang di* | ~silakan unggah | ~silakan kirim | ~mohon unggah
    | saya tidak memiliki`,
  ar: `لم أستلم | لم أتلق | لم يصلني
    | لم تصلني | لم تصل الصورة | لا يمكنني التعرف | ~حاول مرة أخرى | ~أعد إرسال | ~أعد تحميل | بدون الصورة | ~نموذج نصي | غير مسموح لي | لا يُسمح لي
    | ~تعذر تحميل | ~تعذر عرض | ~تعذر فتح | لا أرى شيئ | لا أتمكن من | لم أتمكن | لا تظهر لي | ليس بإمكاني | لا يوجد لدي
    | لا أستطيع | لا يمكنني | لا أرى أي صورة | لا أرى صورة | لا أرى الصورة | لست قادر | ~غير قادر على | عذرًا، | عذراً، | عذرا، | آسف، | أنا آسف | أعتذر
    | للأسف، لا | للأسف لا | كذكاء اصطناعي | بصفتي | كنموذج لغوي | كنموذج لغة | أنا نموذج | لا أملك القدرة | ليس لدي القدرة | ليس لدي إمكانية | ~لم يتم إرفاق
    | ~لم يتم تقديم | ~لم يتم توفير | لم ترفق | ~يرجى تقديم | ~يرجى تحميل | ~يرجى إرفاق | ~يرجى رفع | ~الرجاء إرفاق | ~الرجاء تحميل`,
  he: `לא קיבלתי | ~לא הגיעה
    | התמונה לא נטענה | ~לא נטענה | ~לא נפתחה | מודל טקסט | ~נסה שוב | ~שלח שוב | בלי התמונה | ללא התמונה | אסור לי | לא הגיעה תמונה
    | ~לא ניתן לטעון | ~לא ניתן להציג | לא הצלחתי | איני רואה | איני מסוגל | אינני מסוגל | אני לא מצליח | לא אוכל
    | אני לא יכול | אינני יכול | איני יכול | אני לא רואה | אינני רואה | אני לא מסוגל | מצטער, | אני מצטער | מצטערת | סליחה, אבל | לצערי, | לצערי אני | לצערי אינני
    | כבינה מלאכותית | כמודל שפה | אני מודל | אין לי גישה | אין לי יכולת | אין לי אפשרות | לא צורפה תמונה | לא סופקה תמונה | לא התקבלה תמונה | ~אנא העלה | ~אנא צרף
    | ~אנא ספק | ~נא להעלות | ~נא לצרף`,
  hi: `कोई चित्र नहीं मिला | कोई तस्वीर नहीं मिली | कोई छवि नहीं मिली | मुझे आपकी
    | ~नहीं देख पा | ~कुछ नहीं दिख | ~दोबारा भेज | ~फिर से भेज | ~पुनः अपलोड | ~दोबारा अपलोड | ~पाठ आधारित | माफ़ कीजिए | माफ कीजिए | बताने की अनुमति नहीं | ~पहचान नहीं सकता
    | ~लोड नहीं हो | छवि उपलब्ध नहीं | तस्वीर उपलब्ध नहीं | मैं असमर्थ | मैं तस्वीरें नहीं | मैं छवियाँ नहीं | मैं छवियां नहीं | मुझे दिखाई नहीं
    | मैं नहीं देख | मैं छवि नहीं | मैं इस छवि | मैं चित्र नहीं | मैं तस्वीर नहीं | मैं इस तस्वीर को नहीं | मुझे कोई छवि | मुझे कोई तस्वीर | मुझे छवि | ~नहीं देख सकता | ~नहीं देख सकती | ~नहीं देख पा
    | वर्णन नहीं कर सकता | वर्णन नहीं कर सकती | मदद नहीं कर सकता | मदद नहीं कर सकती | पहचान नहीं कर सकता | असमर्थ हूँ | असमर्थ हूं | सक्षम नहीं हूँ | सक्षम नहीं हूं | मुझे खेद है | क्षमा करें | माफ़ करें | माफ करें
    | मुझे माफ़ | एक एआई के रूप में | एआई मॉडल के रूप में | एक भाषा मॉडल | भाषा मॉडल के रूप में | भाषा मॉडल हूँ | कोई छवि प्रदान | कोई छवि संलग्न | कृपया छवि | कृपया चित्र | कृपया तस्वीर | कृपया एक छवि`,
  th: `~ยังไม่ได้รับ | ไม่ได้รับรูป | ไม่ได้รับภาพ
    | ฉันดูภาพไม่ | ผมดูภาพไม่ | ดูภาพไม่ได้ | เปิดภาพไม่ได้ | อ่านภาพไม่ได้ | ไม่สามารถอ่านภาพ | โหลดภาพไม่ | ส่งภาพอีกครั้ง | ~ลองอีกครั้ง | ~ลองใหม่ | ~ไม่สามารถระบุตัว | ~ไม่สามารถตอบ
    | ไม่พบรูปภาพ | ไม่พบภาพ | ~ไม่สามารถโหลด | ไม่สามารถแสดงภาพ | ~ไม่สามารถเปิด | ~ไม่สามารถประมวลผล | ไม่มีรูปภาพ
    | ฉันไม่สามารถ | ผมไม่สามารถ | ดิฉันไม่สามารถ | ไม่สามารถมองเห็นภาพ | ไม่สามารถดูภาพ | ไม่สามารถเห็นภาพ | ไม่สามารถอธิบายภาพ | ไม่สามารถวิเคราะห์ภาพ | ไม่สามารถช่วย | มองไม่เห็นภาพ | มองไม่เห็นรูป | ฉันไม่เห็น | ผมไม่เห็น
    | ขออภัย | ขอโทษ | ในฐานะ ai | ในฐานะปัญญาประดิษฐ์ | ในฐานะโมเดลภาษา | ในฐานะแบบจำลองภาษา | เป็นโมเดลภาษา | เป็นแบบจำลองภาษา | ไม่มีรูปภาพแนบ | ไม่มีภาพแนบ | ~ไม่ได้แนบ | ~กรุณาอัปโหลด | ~กรุณาส่ง | ~กรุณาแนบ | ~โปรดอัปโหลด | ~โปรดส่ง | ~โปรดแนบ`,
  ja: `~届いていない | ~届いていません | ~受け取っていません | ~受け取れて
    | 画像を読み取 | 画像が読み取 | お答えでき | お伝えでき | お教えでき | 応じかね | ごめんなさい | ~^すみません、 | ~閲覧できません | ~もう一度送 | ~再度アップロード | ~再度送信 | ~テキストのみ
    | ~読み込めません | ~読み込むことができ | 画像が表示され | ~認識できません | 画像を開け | 画像は見えません | 画像がありません | 画像を見られません | 画像にアクセス
    | 画像を見ることができません | 画像を見ることはできません | 画像が見えません | 画像を確認できません | 画像を表示できません | 画像を閲覧 | ~見ることができません | 説明することができません | 説明することはできません | 説明できません | お答えできません | お手伝いできません
    | お手伝いすることができません | 人物を特定 | ~特定することはできません | ~特定できません | 申し訳ありません | 申し訳ございません | 恐れ入りますが | すみませんが | aiとして | ai言語モデル | 言語モデルとして | 言語モデルなので | 言語モデルである | 人工知能として | 画像が添付されて | 画像が提供されて | 画像が送信されて
    | 画像をアップロードしてください | 画像を添付してください | 画像を提供してください | 画像を送って | 応じることはできません | 応じられません`,
  zh: `我这边没有 | 我没有收到 | ~没有收到 | 我沒有收到
    | 不好意思，我 | ~没有成功加载 | ~没有加载 | ~请重新上传 | ~请重新发送 | ~请再次上传 | ~请再发 | 我不被允许 | 不便透露 | ~文本模型 | 看不到这张 | 看不到该 | 看不见这张
    | ~无法加载 | ~无法查看 | ~无法显示 | ~无法打开 | ~无法访问 | ~无法读取 | ~無法查看 | ~無法載入 | ~無法顯示 | ~無法打開 | 没有收到图 | 没有看到图 | 看不到图 | 看不到任何图 | 没能看到
    | 我无法 | 我無法 | 我不能看 | 我看不到 | 我看不見 | 我没有看到 | 我不能提供 | 我不能描述 | 我不能识别 | 很抱歉 | 抱歉， | 抱歉, | 抱歉！ | 抱歉。 | 对不起 | 對不起 | ~很遗憾 | 作为一个人工智能 | 作为一个ai | 作为ai | 作为人工智能 | 作為人工智慧 | 作為ai | 作为语言模型 | 作为一个语言模型 | 作为一名ai
    | 作為語言模型 | 我是一个语言模型 | 我是一个ai | 没有提供图片 | 未提供图片 | ~没有上传 | ~沒有上傳 | ~请上传 | ~請上傳 | 请提供图片 | 请提供图像 | ~请提供更多 | 請提供圖片 | ~没有附上 | 我不具备 | 无法查看图片 | 无法查看图像 | 无法识别图`,
  ko: `~받지 못했습니다 | ~받지 못했어요 | ~전달되지 않
    | 죄송해요 | 죄송하지만 | 미안하지만 | ~보이지 않아요 | ~보이지 않네요 | 알려드릴 수 없 | 말씀드릴 수 없 | 답변할 수 없 | ~다시 업로드 | ~다시 보내 | ~다시 올려 | ~텍스트 기반 | 도울 수 없
    | ~불러올 수 없 | ~열 수 없습니다 | ~표시할 수 없 | ~볼 수 없네요 | ~볼 수 없어요 | ~인식할 수 없 | 이미지가 없습니다 | 사진이 없습니다 | ~접근할 수 없
    | 이미지를 볼 수 없 | 사진을 볼 수 없 | 이미지를 직접 볼 수 | 그림을 볼 수 없 | 이미지가 보이지 않 | 이미지를 확인할 수 없 | 이미지를 설명할 수 없 | 설명할 수 없습니다 | 설명해 드릴 수 없 | 도와드릴 수 없 | 도움을 드릴 수 없 | ~식별할 수 없습니다 | ~제공할 수 없습니다 | ~분석할 수 없
    | 죄송합니다 | 죄송하지만 | 유감스럽게도 | 안타깝게도 저는 | 인공지능으로서 | ai로서 | 언어 모델로서 | 언어 모델이기 | 언어 모델입니다 | 저는 ai | 이미지가 제공되지 | 이미지가 첨부되지 | 사진이 첨부되지 | 이미지를 업로드해 | 이미지를 첨부해 | 이미지를 제공해 | 사진을 올려`,
  bn: `আমি ছবিটি দেখতে | আমি দেখতে পারি না | আমি দুঃখিত | দুঃখিত, | একটি ভাষা মডেল | এআই হিসেবে | অনুগ্রহ করে ছবি`,
  fa: `من نمی‌توانم | نمی‌توانم تصویر | متأسفم | متاسفم | به عنوان یک هوش | به عنوان یک مدل | لطفا تصویر | لطفاً تصویر`,
};
