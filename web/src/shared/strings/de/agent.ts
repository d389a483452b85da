// The agent's refusals in German, by their stable code. The agent says its own sentence in English;
// a test compares this list with the codes that it has.
type Fields = Record<string, unknown>;

const number = (fields: Fields, name: string) => Number(fields[name] ?? 0);

export const refusals: Record<string, string | ((fields: Fields) => string)> = {
  amount: 'Dieser Betrag ist zu groß oder in einer anderen Währung.',
  approval_denied: 'Dafür ist die PIN einer Leitung nötig.',
  approval_needed: 'Diese Ware ist vielleicht jemandem zugesagt. Eine Leitung kann den Verkauf freigeben.',
  card_refused: 'Das sieht nach einer Zahlungskarte aus. Kartendaten dürfen hier nie eingegeben werden.',
  cash_session_closed: 'Zuerst das Wechselgeld zählen und die Kasse öffnen.',
  cash_session_open: 'Diese Kasse ist schon geöffnet.',
  command_reused: 'Dieser Vorgang wurde schon einmal mit anderem Inhalt gesendet. Es wurde nichts gebucht.',
  display_key_wrong: 'Dieser Schlüssel öffnet keine Anzeige mehr. Auf der Seite der Kasse neu öffnen.',
  drawer_not_opened: 'Die Lade ging nicht auf. Bitte den Schlüssel nehmen.',
  host_not_allowed: 'Unter diesem Namen ist die Kasse nicht erreichbar.',
  internal: 'Das konnte nicht gespeichert werden. Es wurde nichts geändert. Bitte noch einmal versuchen.',
  invalid: 'Eine Angabe ist ungültig. Bitte die Eingabe prüfen.',
  item_retired: 'Dieser Artikel wird nicht mehr verkauft. Bitte die Leitung fragen.',
  item_unknown: ({ check_digit_ok }) =>
    check_digit_ok === false
      ? 'Der Strichcode wurde falsch gelesen. Bitte noch einmal scannen.'
      : 'Kein Artikel hat diesen Strichcode. Bitte nach dem Namen suchen.',
  item_without_price: 'Dieser Artikel hat keinen Preis. Bitte die Leitung fragen.',
  json_only: 'Diese Anfrage wird so nicht angenommen.',
  kit_has_no_stock: 'Ein Set hat keinen eigenen Bestand. Bitte seine Teile nehmen.',
  line_unknown: 'Diese Position ist nicht mehr auf dem Bon.',
  lot_expired: 'Diese Ware ist abgelaufen. Bitte beiseite legen.',
  malformed: 'Diese Anfrage ist nicht lesbar.',
  method_not_allowed: 'Diese Anfrage wird so nicht angenommen.',
  no_display: 'Dieser Browser ist keine Kundenanzeige. Auf der Seite der Kasse öffnen.',
  no_printer: 'An dieser Kasse ist kein Drucker, und die Lade hängt am Drucker.',
  not_allowed: 'Das darf nur das Büro oder eine Leitung. Bitte jemanden anmelden lassen.',
  not_enrolled: 'Diese Kasse ist noch nicht angemeldet. Zuerst pos-agent enrol ausführen.',
  not_found: 'Hier ist nichts.',
  not_paid: 'Die Zahlung kam nicht an. Es wurde nichts gebucht. Bitte noch einmal kassieren.',
  not_ready: 'Die Einstellungen sind noch nicht vom Hub gekommen. Bitte auf die Leitung warten.',
  not_signed_in: 'Bitte zuerst anmelden.',
  origin_not_allowed: 'Das dürfen nur die Seiten dieser Kasse.',
  payment_given_up: 'Diese Zahlung kam zu spät. Es wurde nichts gebucht. Bitte noch einmal kassieren.',
  payment_under_way: 'Der Bon wird gerade bezahlt. Bitte danach noch einmal scannen.',
  pin_locked: (fields) =>
    `Zu viele falsche PINs. In ${number(fields, 'retry_after_s')} Sekunden geht es weiter.`,
  priced_by_label: 'Das Etikett sagt, was diese Ware kostet. Position stornieren und jedes Etikett scannen.',
  print_job_not_waiting: 'Dieser Druckauftrag wartet nicht mehr.',
  print_job_settled: 'Zu diesem Druckauftrag ist keine Frage mehr offen.',
  print_job_unknown: 'Diesen Druckauftrag gibt es nicht.',
  receipt_numbers_unknown: 'Diese Kasse wurde zurückgesetzt und muss den Hub einmal hören, bevor sie kassiert. Es wurde nichts gebucht.',
  not_enough_share: 'Die Filiale hat nicht so viele eigene Stücke, die auf keinem Bon liegen. Bitte das Büro fragen.',
  transfer_unknown: 'Die Filiale kennt diese Umlagerung nicht, oder sie ist beendet.',
  transfer_ended: 'Diese Umlagerung wurde schon abgeschlossen. Es wurde nichts gebucht.',
  reservation_short: 'Davon wurde inzwischen alles verkauft. Bitte das Büro die Umlagerung stornieren lassen.',
  location_unknown: 'Es gibt keinen Standort mit diesem Code.',
  reservation_ended: 'Diese Ware wurde schon übergeben. Es wurde nichts gebucht.',
  reservation_held: 'Das ist nur vorgemerkt und noch keine Bestellung. Bitte an der Kasse verkaufen.',
  reservation_unknown: 'Die Filiale kennt diese Reservierung nicht, oder sie ist beendet.',
  sale_unknown: 'Kein Verkauf dieser Filiale hat diese Belegnummer.',
  scanner_learning: 'Den nächsten Artikel scannen.',
  scan_looked_at: 'Nachgeschlagen, nicht verkauft.',
  scanner_not_taught: 'Nichts gelernt: drei verschiedene Artikel aus dem Katalog scannen.',
  scanner_taught: 'Gelernt. Was um einen Code herum steht, fällt ab jetzt weg.',
  scan_unreadable: 'Der Scan war nicht lesbar. Bitte noch einmal scannen.',
  storage_failed: 'Die Festplatte der Kasse hat versagt, die Kasse startet neu. Die Belege zeigen, was gebucht ist.',
  storage_full: 'Die Festplatte der Kasse ist voll. Es wurde nichts gebucht. Bitte Platz schaffen lassen.',
  tender_kind: 'Dieses Zahlungsmittel wird hier nicht genommen. Bitte bar bezahlen.',
  tender_too_small: 'Gegeben ist weniger als die Summe. Nichts wurde gebucht.',
  ticket_changed: ({ gone }) =>
    gone
      ? 'Dieser Bon ist bezahlt oder storniert. Bitte bei den Belegen nachsehen.'
      : 'Der Bon hat sich geändert. Bitte die neue Summe nennen. Nichts wurde gebucht.',
  ticket_empty: 'Der Bon ist leer. Bitte zuerst einen Artikel scannen.',
  too_large: 'Diese Anfrage ist zu groß.',
  too_many_lines: 'Ein Bon hat höchstens 200 Positionen. Bitte bezahlen und einen neuen beginnen.',
  item_not_weighed: 'Das Etikett nennt ein Gewicht, der Artikel wird aber nach Stück verkauft. Bitte das Büro um die richtige Einheit.',
  weight_needed: 'Dieser Artikel wird nach Gewicht oder Menge verkauft. Bitte wiegen oder eintippen.',
  wrong_pin: (fields) => {
    const left = number(fields, 'tries_left');
    if (left === 0) return 'Nicht diese PIN.';
    return `Nicht diese PIN. Noch ${left === 1 ? 'ein Versuch' : `${left} Versuche`}.`;
  },
};

/** A code that this page does not know yet: a newer agent has more. */
export const otherwise = 'Die Kasse hat das abgelehnt.';
