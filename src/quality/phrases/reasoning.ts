import type { Phrases } from "../phrase-table.js";

/** How models think aloud: of who asks, of what was asked, and of how to answer. */
export const REASONING: Phrases = {
  en: `i'll | my first guess | my guess is | though i could be wrong | i could be wrong | ^main subject: | let's keep | let's call | let's say
    | i have to | i must | i need to | i should | i'll combine | i'll add | i'll keep | i'll include | i'll focus | i'm going to | i am going to | they want | they asked | sentence one | sentence two | ^first sentence: | ^caption: draft | probably best to | to be safe,
    | let me consider | looking at this image, i | looking at the image, i | looking at this photo, i | i'd say | i would say | the question is asking | the question asks | i think the answer | i think i should | maybe i should | i could mention | i could say | i might mention | ^or maybe | not sure whether it | thought process | so the answer | i'm asked | i am asked | i was asked
    | the user wants | the user asked | the user asks | the user is asking | the user has asked | the user would like | the user needs me
    | the user requested | the user provided an image | the user's request | the user's prompt | the user's instruction* | the prompt asks | the prompt says
    | the instruction says | the instructions say | the instruction is to | the task is to | ^okay, let | ^ok, let | ^okay, so | ^ok, so | ^okay, i | ^alright, let
    | ^alright, so | ^so, let me | ^so i need | ^hmm | ^wait, | ^wait. | ^actually, wait | but wait | let me think | let me look | ^let me see
    | let me check | let me describe | let me analy* | let me start | let me re-read | let me double-check | let me count | let me write | let me draft
    | let me make sure | let me try | let's break | let's tackle | let's look at the image | let's see what | let's start by | let's analy* | let's describe
    | i need to describe | i need to provide | i need to write | i need to look | i need to be careful | i need to make sure | i need to mention
    | i need to identify | i need to come up | i should describe | i should mention | i should also | i should focus | i should write | i should avoid | i should keep
    | i should start | i should note | i should make sure | i must describe | i have to describe | i'll describe | i'll start | i'll write | i'll mention | i'll go with
    | i will describe | i will start by | we need to describe | we need to produce | we need to write | we need to answer | we should describe | we should mention
    | we must describe | we have to describe | we are asked | we're asked | my answer should | my response should | the response should | the answer should be | the description should
    | the caption should | ^final answer | final answer: | ^draft: | ^reasoning: | ^thinking: | ^thought: | ^thought process | ^analysis: | chain of thought | now i'll | now, i'll | now i need
    | now i should | now let me | first, i'll | first, i need | first, let me | first, i should | first i need | so the final | putting it all together | putting it together, | that should cover
    | two sentences max | keep it concise`,
  de: `zuerst das hauptmotiv | hauptmotiv: | erwähne ich | beschreibe ich | nenne ich
    | ich muss | ich sollte | ich werde jetzt | ^also gut | ^gut, ich | ^na gut | erster satz: | sie wollen
    | ich denke nach | überlegen wir | ich überlege | gedankengang | mal sehen | ich würde sagen | ich soll | gefragt ist
    | der benutzer möchte | der benutzer will | der nutzer möchte | der nutzer will | der nutzer bittet | der benutzer bittet | die aufgabe ist | die aufgabe lautet | ^okay, ich | ^okay, lass
    | ^also, ich muss | ich muss das bild | ich muss beschreiben | ich muss nun | ich muss jetzt | ich sollte | lass mich | lassen sie mich | ich werde das bild | ich werde nun | ich beginne mit
    | zuerst muss ich | zuerst sollte ich | zunächst muss ich | ^moment, | ^warte, | ^hm, | ^hmm | endgültige antwort | meine antwort sollte | die beschreibung sollte | die antwort sollte`,
  fr: `commençons par | je parlerai | je mentionnerai | ensuite je
    | je dois | je devrais | je vais | il faut deux | il faut que je | première phrase : | ils veulent
    | réfléchissons | je réfléchis | je dirais | on me demande | raisonnement :
    | l'utilisateur veut | l'utilisateur demande | l'utilisateur souhaite | l'utilisateur me demande | la consigne | je dois décrire | je dois fournir | je dois mentionner | je dois d'abord | je dois aussi | je devrais
    | je vais décrire | je vais commencer | laissez-moi | voyons voir | ^voyons | ^d'accord, | ^ok, | ^bon, | ^attends, | ^attendez | ^hmm | réponse finale | ma réponse doit | ma réponse devrait | la description doit`,
  es: `empecemos por | mencionaré | después hablaré
    | debo identificar | debo | tengo que | necesito describir | luego añadiré | voy a | primera frase:
    | pensemos | ^a ver, | yo diría | me piden | razonamiento:
    | el usuario quiere | el usuario pide | el usuario me pide | el usuario desea | el usuario solicita | el usuario ha pedido | la tarea es | debo describir | debo mencionar | debo proporcionar | tengo que describir | necesito describir
    | necesito mencionar | debería mencionar | debería describir | voy a describir | voy a empezar | déjame | dejame | ^veamos | ^bien, veamos | ^vale, | ^de acuerdo, | ^espera, | ^hmm | respuesta final | mi respuesta debe | la descripción debe`,
  pt: `comecemos por | mencionarei
    | devo | tenho que | tenho de | vou mencionar | vou acrescentar | primeira frase:
    | pensemos | vamos pensar | eu diria | pedem-me | raciocínio:
    | o usuário quer | o usuário pede | o usuário pediu | o usuário deseja | o usuário solicitou | o utilizador quer | o utilizador pede | o utilizador pediu | a tarefa é | preciso descrever | preciso mencionar | devo descrever | devo mencionar
    | tenho que descrever | vou descrever | vou começar | deixe-me | deixa-me | ^vamos ver | ^vejamos | ^ok, | ^certo, | ^espera, | ^espere, | ^hmm | resposta final | minha resposta deve | a descrição deve`,
  it: `cominciamo da | menzionerò
    | devo | aggiungerò | prima frase:
    | pensiamo | ragioniamo | direi che | mi viene chiesto
    | l'utente vuole | l'utente chiede | l'utente mi chiede | l'utente desidera | il compito è | devo descrivere | devo menzionare | dovrei | descriverò | fammi | lasciami | ^vediamo | ^ok, | ^va bene, | ^aspetta, | ^hmm | risposta finale | la mia risposta deve`,
  nl: `de gebruiker wil | de gebruiker vraagt | de opdracht is | ik moet de afbeelding | ik moet beschrijven | ik moet ook | ik zou moeten | ik ga de afbeelding | laat me | laten we eens | ^oké, | ^wacht, | ^hmm | definitieve antwoord`,
  pl: `muszę | najpierw muszę | dodam | pierwsze zdanie:
    | zastanówmy się | pomyślmy | powiedziałbym | rozumowanie:
    | użytkownik chce | użytkownik prosi | użytkownik poprosił | zadanie polega | muszę opisać | muszę wspomnieć | powinienem | powinnam | opiszę teraz | zacznę od | pozwól, że | zobaczmy | ^okej, | ^dobrze, | ^czekaj | ^hmm | ostateczna odpowiedź | moja odpowiedź powinna | opis powinien`,
  ru: `начнём с | начнем с | потом упомяну | упомяну
    | мне надо | нужно описать | нужно сначала | я добавлю | первое предложение: | хм,| скорее всего, надо
    | надо подумать | подумаем | рассуждение: | я бы сказал | меня просят | нужно упомянуть
    | пользователь хочет | пользователь просит | пользователь попросил | пользователь спрашивает | задача состоит | мне нужно описать | мне нужно | нужно описать | я должен | я должна | мне следует | следует упомянуть | давайте посмотрим | давай посмотрим | дай мне
    | позвольте мне | сначала я | начну с | я опишу | ^хорошо, | ^итак, мне | ^ладно, | ^подождите | ^подожди | ^хм, | окончательный ответ | мой ответ должен | описание должно`,
  uk: `почнемо з | почнімо з | згадаю
    | мені треба | треба описати | я додам | перше речення: | хм,
    | треба подумати | подумаймо | міркування: | я б сказав | мене просять
    | користувач хоче | користувач просить | користувач попросив | завдання полягає | мені потрібно | потрібно описати | я повинен | я повинна | мені слід | слід згадати | давайте подивимось | давайте подивимося | дозвольте мені | спочатку я | почну з | я опишу | ^добре, | ^отже, мені | ^гаразд, | ^зачекайте | ^стривай | ^хм,
    | остаточна відповідь | моя відповідь має | опис має`,
  tr: `belirlemem gerek* | yapmam gerek* | söylemem gerek* | bahsedeceğim | yazacağım | ekleyeceğim | ilk cümle:
    | düşünelim | bakalım | diyebilirim | bir düşün
    | kullanıcı benden | kullanıcı bir | kullanıcı görselin | kullanıcı resmi | kullanıcı istiyor | kullanıcının isteği | açıklamam gerekiyor | tanımlamam gerekiyor | betimlemem gerekiyor | yazmam gerekiyor | bahsetmeliyim | belirtmeliyim | bakayım | düşüneyim | başlayayım | ^tamam, | ^peki, | ^bekle | ^hmm | nihai cevap | son cevap`,
  vi: `tôi phải | tôi cần | tôi sẽ | câu đầu tiên:
    | để xem | suy nghĩ: | hãy xem
    | người dùng muốn | người dùng yêu cầu | người dùng đã yêu cầu | nhiệm vụ là | tôi cần mô tả | tôi cần phải | tôi nên | tôi phải mô tả | tôi sẽ mô tả | tôi sẽ bắt đầu | để tôi | hãy để tôi | ^được rồi, | ^khoan | ^đợi đã | ^hmm | câu trả lời cuối cùng | câu trả lời của tôi`,
  el: `θα αναφέρω | θα προσθέσω | πρώτη πρόταση:
    | ο χρήστης θέλει | ο χρήστης ζητά | ο χρήστης ζητάει | ο χρήστης ζήτησε | η εργασία είναι | πρέπει να περιγράψω | πρέπει να αναφέρω | θα έπρεπε να | θα περιγράψω | θα ξεκινήσω | ας δούμε | άσε με | ας σκεφτώ | ^εντάξει, | ^λοιπόν, | ^περίμενε | ^χμ, | τελική απάντηση`,
  fi: `minun on | mainitsen | lisään | ensimmäinen lause:
    | käyttäjä haluaa | käyttäjä pyytää | käyttäjä pyysi | tehtävänä on | minun pitää | minun täytyy | minun tulisi | minun on kuvailtava | pitäisi mainita | kuvailen | aloitan | katsotaanpa | anna minun | ^okei, | ^hyvä on | ^hetkinen | ^odota | ^hmm | lopullinen vastaus`,
  sv: `användaren vill | användaren ber | uppgiften är | jag måste beskriva | jag behöver beskriva | jag bör | låt mig | jag ska beskriva | ^okej, | ^vänta | ^hmm | slutligt svar`,
  id: `saya akan | pertama, saya
    | pengguna ingin | pengguna meminta | tugasnya adalah | saya perlu | saya harus | mari kita | biar saya | ^baik, | ^tunggu | ^hmm | jawaban akhir`,
  ar: `يجب أن أ | علي أن أ | سوف أ | أولاً، يجب | أولا، يجب | سأذكر | سأضيف
    | دعنا نفكر | لنفكر | عملية التفكير | أعتقد أن علي
    | المستخدم يريد | يريد المستخدم | المستخدم يطلب | يطلب المستخدم | طلب المستخدم | المستخدم طلب | المهمة هي | يجب أن أصف | علي أن أصف | عليّ أن | يجب علي | ينبغي أن أذكر | ينبغي أن أصف | سأصف | سأبدأ | دعني | دعونا نرى | ^حسنًا، | ^حسناً، | ^حسنا، | ^انتظر | الإجابة النهائية`,
  he: `אני חייב | עליי | אזכיר את | אוסיף
    | בוא נחשוב | נחשוב על | תהליך החשיבה
    | המשתמש רוצה | המשתמש מבקש | המשתמש ביקש | המשימה היא | אני צריך לתאר | אני צריך | אני צריכה | עליי לתאר | עלי לתאר | כדאי שאזכיר | אתאר | אתחיל | תן לי | בוא נראה | בואו נראה | ^אוקיי | ^טוב, | ^רגע | התשובה הסופית`,
  hi: `मुझे सबसे पहले | मुझे पहले | मुझे इसका वर्णन | मैं लिखूँगा | मैं बताऊँगा | मैं उल्लेख | मुझे यह लिखना
    | सोचते हैं | विचार प्रक्रिया | मुझे लगता है कि मुझे
    | उपयोगकर्ता चाहता | उपयोगकर्ता ने | उपयोगकर्ता मुझसे | यूज़र चाहता | यूजर चाहता | मुझे इस छवि का वर्णन | मुझे वर्णन करना | मुझे छवि का | मुझे यह बताना | मुझे लिखना | मुझे उल्लेख | मैं वर्णन करूँगा | मैं शुरू | चलिए देखते | मुझे सोचने | ^ठीक है, | ^रुकिए | ^हम्म | अंतिम उत्तर`,
  th: `ฉันต้อง | ผมต้อง | ฉันจะ | ผมจะ | ก่อนอื่นฉัน | ก่อนอื่นผม
    | ลองคิด | ขั้นตอนการคิด | คิดว่าควร
    | ผู้ใช้ต้องการ | ผู้ใช้ขอ | ผู้ใช้ถาม | ฉันต้องอธิบาย | ผมต้องอธิบาย | ฉันควร | ผมควร | ฉันจะอธิบาย | ผมจะอธิบาย | ฉันจะเริ่ม | ขอดูก่อน | มาดูกัน | ให้ฉันคิด | ขอคิด | เดี๋ยวก่อน | เอาล่ะ | โอเค | คำตอบสุดท้าย`,
  ja: `ことを書く | 主役は
    | 特定する必要 | 書こう。 | 書くことにする | 言及しよう | 触れよう | 述べよう | まとめよう | 書いておこう
    | 考えます | 思考過程 | 推論: | と答え | どう書こう | 必要がありそう
    | ユーザーは | ユーザーが | ユーザーの要求 | ユーザーから | 説明する必要がある | 記述する必要がある | 説明する必要があります | 描写する必要が | 言及すべき | 触れるべき | まず画像を | 考えてみ | 見てみましょう | 確認してみよう | 確認しよう | 書くべき | 私は説明 | ^さて、 | ^えーと | ^うーん | ^待って | 最終的な回答 | 最終回答 | 回答としては`,
  zh: `我先写 | 我先描 | 我先说 | 主体应该是
    | 。嗯， | 我要先 | 我必须 | 首先要 | 先描述 | 接下来写 | 接下来描述 | 需要先
    | 我想想 | 思考过程 | 思考： | 推理过程 | 分析一下 | 我觉得应该 | 我想说
    | 用户要求 | 用户希望 | 用户想 | 用户让我 | 用户需要 | 用户问 | 使用者要求 | 使用者希望 | 任务是 | 我需要 | 我应该 | 我應該 | 我要描述 | 我来描述 | 我会描述 | 让我看 | 让我们 | 让我想 | 让我先 | 让我来 | 让我仔细 | 讓我看 | 讓我們 | 讓我想 | 首先，我 | 首先我 | 接下来我 | 好的，我 | 好的，让 | 好的，用户 | 好，我 | 等等， | 等一下 | 最终答案 | 最终回答 | 最终描述 | 综上，我`,
  ko: `쓰면 되겠다 | 그다음에
    | 파악해야 | 언급하자 | 적어야 | 써야 한다 | 먼저 주제 | 확인해야 | 정리하자 | 묘사하자
    | 생각 과정 | 사고 과정 | 생각해 보면 | 답변해야 | 말해야
    | 사용자는 | 사용자가 | 사용자의 요청 | 설명해야 한다 | 설명해야 합니다 | 묘사해야 | 서술해야 | 언급해야 | 작성해야 | 먼저 이미지를 | 살펴보자 | 살펴보겠습니다 | 생각해 보자 | 생각해보자 | 설명하겠습니다 | 시작하겠습니다 | ^좋아, | ^잠깐, | ^잠깐만 | 최종 답변`,
};
