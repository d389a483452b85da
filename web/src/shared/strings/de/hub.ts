// The hub's refusals in German, by their stable code, and what is wrong with a field or a row. The
// hub says its own sentence in English; a test compares these lists with the codes that it has.
type Fields = Record<string, unknown>;

/** A field of the refusal after a blank; a row of a file has its own number and no fields. */
const named = (fields: Fields, name: string) =>
  fields[name] === undefined ? '' : ` ${String(fields[name])}`;

export const refusals: Record<string, string | ((fields: Fields) => string)> = {
  agent_answers: 'Der Agent dieser Filiale antwortet. Er muss nicht aufgegeben werden.',
  agent_not_heard_yet: 'Der Hub läuft erst kurz und weiß noch nicht, ob der Agent antwortet. Gleich noch einmal versuchen.',
  approval_needed: 'Das darf nur eine Leitung.',
  barcode_in_use: (fields) =>
    `Den Strichcode${named(fields, 'barcode')} hat ein anderer Artikel. Dort zuerst entfernen.`,
  busy: 'Der Hub kommt gerade nicht dazu. Bitte gleich noch einmal versuchen.',
  channel_in_use: 'Einen Kanal mit diesem Code gibt es schon.',
  channel_ended: 'Diesen Code hatte ein beendeter Kanal. Einen anderen wählen.',
  channel_stopped: 'Dieser Kanal ist abgeschaltet.',
  command_reused: 'Dieser Vorgang wurde schon einmal mit anderem Inhalt gesendet.',
  enrolment_invalid: 'Dieser Anmeldecode gilt nicht mehr. Bitte einen neuen anlegen.',
  fact_not_bookable: 'Dieser Vorgang kann nicht nachträglich gebucht werden. Bitte zählen, dann als erledigt merken.',
  fact_on_its_way: 'Die Filiale hat diesen Vorgang noch nicht fertig gemeldet. Bitte später noch einmal ansehen.',
  fact_overtaken: 'Seitdem wurde gezählt oder berichtigt, oder der Vorgang ging weiter. Bitte ansehen und von Hand erledigen.',
  fact_settled: 'Diesen Vorgang hat schon jemand erledigt.',
  foreign_origin: 'Seiten dieser Herkunft dürfen hier nicht fragen. Sie fehlt beim Schlüssel.',
  internal: 'Ein Fehler des Hubs. Sein Protokoll nennt die Ursache.',
  invalid: (fields) => field(String(fields.field ?? '')),
  item_has_stock: (fields) =>
    `Dieser Artikel hat Bestand${named(fields, 'location')}. Dort zuerst auf null zählen.`,
  item_retired: 'Dieser Artikel wird nicht mehr verkauft.',
  item_unknown: (fields) => `Es gibt keinen Artikel mit der SKU${named(fields, 'sku')}.`,
  kit_has_no_stock: (fields) =>
    `Ein Set hat keinen eigenen Bestand${named(fields, 'sku')}. Bitte seine Teile nennen.`,
  kit_nested: (fields) => `Ein Set kann nicht Teil eines Sets sein${named(fields, 'sku')}.`,
  last_admin: 'Das ist der letzte Schlüssel der Verwaltung. Zuerst einen anderen anlegen.',
  location_retired: 'Dieser Standort ist geschlossen.',
  location_unknown: (fields) => `Es gibt keinen Standort mit dem Code${named(fields, 'location')}.`,
  malformed: 'Diese Anfrage ist nicht lesbar.',
  method_not_allowed: 'Diese Anfrage wird so nicht angenommen.',
  not_allowed: 'Das erlaubt diese Anmeldung nicht. Bitte jemanden fragen, der es darf.',
  not_enough_available: (fields) =>
    `So viele können dort nicht zugesagt werden. Möglich:${named(fields, 'available')}`,
  not_found: 'Hier ist nichts, oder nichts, was diese Anmeldung sehen darf.',
  not_promised_now: (fields) =>
    `Die letzten Stücke${named(fields, 'sku')} gehören einer Filiale, die gerade nicht antwortet. Gleich noch einmal.`,
  not_signed_in: 'Bitte zuerst anmelden.',
  precondition_failed: 'Jemand hat es inzwischen geändert. Bitte neu lesen und dann ändern.',
  record_unknown: 'Das gibt es nicht mehr. Bitte die Seite neu laden.',
  reservation_ended: 'Diese Reservierung ist beendet.',
  reservation_expired: 'Die Zeit dieser Reservierung ist um. Bitte neu reservieren.',
  reservation_short: 'Stücke dieser Reservierung wurden verkauft. Zuerst wählen, was damit wird.',
  reservation_state: 'Das passt nicht zum Zustand dieser Reservierung. Bitte neu lesen.',
  reservation_unknown: 'Diese Reservierung gibt es nicht.',
  transfer_unknown: 'Diese Umlagerung gibt es nicht.',
  no_transit_location: 'Es fehlt ein Ort der Art „unterwegs“. Bitte erst einen anlegen.',
  shop_key_missing: 'Die Ladenseite hat keinen Schlüssel, der zurücklegen und live folgen darf.',
  signature_invalid: 'Die Unterschrift dieser Nachricht stimmt nicht, oder sie ist zu alt.',
  stale_timer: 'Diese Frist ist überholt.',
  storage_failed: 'Die Festplatte des Hubs hat versagt. Bitte gleich noch einmal versuchen.',
  storage_full: 'Die Festplatte des Hubs ist voll. Es wurde nichts geändert. Bitte dort Platz schaffen.',
  store_has_agent: 'Diese Filiale hat einen Agenten. Bitte dort buchen.',
  timed_out: 'Das hat zu lange gedauert. Bitte noch einmal versuchen.',
  too_large: 'Das ist zu groß. Eine Datei hat höchstens 256 MiB.',
  too_many_held: (fields) =>
    `Von diesem Anschluss aus ist schon so viel zurückgelegt, wie geht:${named(fields, 'most')}`,
  too_many_holds: 'Zu viel ist zurückgelegt. Zuerst etwas freigeben.',
  too_many_requests: 'Zu viele Anfragen. Bitte einen Augenblick warten.',
  unsupported_media_type: 'So eine Datei wird hier nicht gelesen. Bitte eine CSV-Datei nehmen.',
  wrong_secret: 'Dieses Geheimnis ist falsch oder gilt nicht mehr.',
};

/** Rules of fields, by the hub's pointer; `*` stands for a place in a list. */
const fields: Record<string, string> = {
  '/address': 'Eine Adresse hat höchstens 500 Zeichen.',
  '/barcodes': 'Ein Artikel hat höchstens 20 Strichcodes.',
  '/channel': 'Ein Kanal hat 1 bis 32 Zeichen: a bis z, Ziffern, _ und -.',
  '/code': 'Ein Code besteht aus wenigen Buchstaben und Ziffern, ohne Leerzeichen.',
  '/currency': 'Die Währung ist ein Kürzel wie EUR und bleibt, wie sie eingerichtet wurde.',
  '/default_tax': 'Die Steuer ohne Klasse muss eine der Klassen sein.',
  '/display': 'Die Grenze liegt zwischen 1 und 1.000.000 Stück.',
  '/endpoint': 'Eine Adresse beginnt mit https:// und liegt nicht in einem privaten Netz.',
  '/expires_at': 'Das Ende muss in der Zukunft liegen.',
  '/from': 'Von einem Ort der Art „unterwegs“ geht nichts ab.',
  '/image': 'Ein Bild ist eine https-Adresse mit höchstens 2.000 Zeichen.',
  '/kind': 'Diese Art gibt es nicht.',
  '/lines': 'Eine Umlagerung oder Ankunft hat 1 bis 200 Zeilen mit Ware.',
  '/lines/quantity': 'Stücke sind eine ganze Zahl von 1 bis 1.000.000.000.',
  '/locations': 'Höchstens 200 Standorte, jeder einmal.',
  '/locations/*': 'Diesen Standort gibt es nicht mehr. Bitte die Seite neu laden.',
  '/name': 'Ein Name hat 1 bis 200 Zeichen.',
  '/opening_hours': 'Öffnungszeiten haben höchstens 500 Zeichen.',
  '/origins': 'Höchstens 50 Herkünfte, und nur bei öffentlichen Schlüsseln.',
  '/origins/*': 'Eine Herkunft ist eine Adresse ohne Pfad wie https://laden.example.',
  '/password': 'Ein Passwort hat 10 bis 200 Zeichen.',
  '/pin': 'Eine PIN hat vier Ziffern, für die Leitung sechs. Eine andere Rolle braucht eine neue.',
  '/price': 'Ein Preis ist nicht negativ.',
  '/price/currency': 'Ein Preis ist in der Währung des Geschäfts.',
  '/quantity': 'Stücke sind eine ganze Zahl von 0 bis 1.000.000.000.',
  '/receipt_header': 'Ein Belegkopf hat höchstens 8 Zeilen.',
  '/reference': 'Eine Nummer hat höchstens 500 Zeichen.',
  '/role': 'Diese Rolle gibt es für Personen nicht.',
  '/scopes': 'Ein Schlüssel braucht mindestens ein Recht.',
  '/scopes/*': 'Dieses Recht gibt es für diese Art von Schlüssel nicht.',
  '/sku': 'Eine SKU hat 1 bis 64 Zeichen, ohne Umlaute.',
  '/tax': 'Diese Steuerklasse gibt es nicht.',
  '/taxes': 'Es gibt 1 bis 20 Steuern, jede Klasse einmal.',
  '/taxes/*/class': 'Eine Steuerklasse hat 1 bis 32 Zeichen und steht nur einmal da.',
  '/taxes/*/name': 'Der Name einer Steuer hat 1 bis 200 Zeichen.',
  '/taxes/*/rate_basis_points': 'Ein Steuersatz liegt zwischen 0 und 100 Prozent.',
  '/to': 'Das Ziel ist ein anderer Ort, und keiner der Art „unterwegs“.',
  '/via': 'Unterwegs steht Ware nur an einem Ort der Art „unterwegs“.',
  '/zone': 'Eine Zeitzone heißt so wie Europe/Berlin.',
};

function field(pointer: string): string {
  const rule = fields[pointer.replace(/\/\d+(?=\/|$)/g, '/*')];
  if (rule) return rule;
  const where = pointer ? ` (${pointer})` : '';
  return `Eine Angabe ist ungültig${where}. Bitte die Eingabe prüfen.`;
}

/** What is wrong with a row of a file, where the row alone is at fault. */
export const rows: Record<string, string> = {
  barcode_malformed: 'Ein Strichcode hat 1 bis 80 Zeichen, ohne Umlaute.',
  component_malformed: 'Teile stehen da wie TASSE*2|KANNE: SKU, Stern, Anzahl.',
  cell_too_long: 'Ein Feld hat höchstens 4.096 Bytes.',
  currency_other: 'Die Währung ist nicht die des Geschäfts.',
  from_malformed: 'Kein Tag wie 2026-12-01 und kein Zeitpunkt wie 2026-12-01T06:00:00Z.',
  columns: 'Diese Zeile hat mehr oder weniger Felder als die erste.',
  not_utf8: 'Der Text ist kein UTF-8.',
  price_malformed: 'Der Preis ist kein Betrag wie 12.50.',
  quantity_malformed: 'Die Menge ist keine ganze Zahl von 0 bis 1.000.000.000.',
  quote_open: 'Ein Anführungszeichen dieser Zeile ist offen, oder dahinter steht noch Text.',
  state_unknown: 'Der Zustand ist active oder retired.',
  unit_unknown: 'Die Einheit ist each, gram oder millilitre.',
  row_too_long: 'Eine Zeile hat höchstens 65.536 Bytes.',
  sku_malformed: 'Eine SKU hat 1 bis 64 Zeichen, ohne Umlaute.',
};

/** A whole file is refused for its first row alone. */
export const header =
  'Die Datei ist nicht lesbar. Ihre erste Zeile nennt Spalten, jede einmal und nur die von oben.';

/** A code that this page does not know yet: a newer hub has more. */
export const otherwise = 'Der Hub hat das abgelehnt.';
