//! Columns: which a kind of file has, where a file's own columns go, how it writes amounts.
//!
//! Pure. Invariant: a layout names each of our columns at most once, and every one that is needed.

use std::collections::BTreeMap;

use oneshelf_domain::code::plain_text;
use oneshelf_domain::record::DecimalMark;
use serde::{Deserialize, Serialize};

use super::rows::Cells;
use crate::csv;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The catalogue.
    Items,
    /// Prices, from now on or from a moment on.
    Prices,
    /// Opening stock.
    Stock,
}

/// Columns that a report of errors has beside the file's own.
pub const REPORT: [&str; 3] = ["import_row", "import_code", "import_message"];

/// Characters of a file's column that are kept.
const HEADER_CHARS_MAX: usize = 200;
/// Columns of a file.
const HEADER_CELLS_MAX: usize = 200;

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Items, Kind::Prices, Kind::Stock];

    /// The name in tables and addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Items => "items",
            Kind::Prices => "prices",
            Kind::Stock => "stock",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Columns, in the order in which their cells are read.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Kind::Items => &[
                "sku",
                "name",
                "barcode",
                "price",
                "tax",
                "category",
                "options",
                "image",
                "brand",
                "unit",
                "state",
                "components",
            ],
            Kind::Prices => &["sku", "price", "currency", "from"],
            Kind::Stock => &["sku", "location", "quantity"],
        }
    }

    /// Columns that every file has.
    pub const fn needed(self) -> &'static [&'static str] {
        match self {
            Kind::Items => &["sku", "name"],
            Kind::Prices => &["sku", "price"],
            Kind::Stock => &["sku", "location", "quantity"],
        }
    }

    /// Columns of our own exports that say more than a file can change.
    const fn exported(self) -> &'static [&'static str] {
        match self {
            Kind::Items => &["version"],
            Kind::Prices => &["name"],
            Kind::Stock => &[
                "name",
                "available",
                "store_share",
                "reserved",
                "picked",
                "quality_control",
                "damaged",
                "in_doubt",
                "short",
                "version",
            ],
        }
    }

    /// What other programs call a column, folded; the first that a file has is offered.
    const fn known_as(column: &'static str) -> &'static [&'static str] {
        match column.as_bytes() {
            b"sku" => &[
                "item number",
                "item no",
                "item",
                "article",
                "article number",
                "product code",
                "variant sku",
                "artikelnummer",
                "artikelnr",
                "artikel-nr",
                "artikel",
                "art-nr",
            ],
            b"name" => &[
                "title",
                "description",
                "product name",
                "item name",
                "bezeichnung",
                "titel",
                "artikelname",
                "artikelbezeichnung",
                "produktname",
            ],
            b"barcode" => &["ean", "gtin", "upc", "variant barcode", "ean13", "strichcode"],
            b"price" => &[
                "retail price",
                "unit price",
                "variant price",
                "gross price",
                "preis",
                "vk",
                "verkaufspreis",
                "bruttopreis",
                "vk-preis",
            ],
            b"tax" => &["tax class", "vat", "steuer", "steuerklasse", "mwst"],
            b"category" => &["product category", "type", "kategorie", "warengruppe"],
            b"options" => &["option", "variant", "size", "colour", "color", "variante"],
            b"image" => &["image link", "image src", "picture", "bild", "bildlink"],
            b"brand" => &["vendor", "maker", "manufacturer", "marke", "hersteller"],
            b"unit" => &["unit of measure", "einheit", "mengeneinheit"],
            b"state" => &["status", "zustand"],
            b"components" => &["parts", "bundle", "set", "komponenten", "bestandteile"],
            b"currency" => &["währung", "waehrung"],
            b"from" => &["valid from", "from date", "start date", "gültig ab", "ab", "gueltig ab"],
            b"location" => &["store", "warehouse", "branch", "filiale", "lager", "standort"],
            // The first is a word that this tree does not use, but files do.
            b"quantity" => {
                &[concat!("q", "ty"), "stock", "on hand", "count", "menge", "bestand", "anzahl"]
            }
            _ => &[],
        }
    }
}

/// Our columns, each with the file's column that goes there.
pub type Mapping = BTreeMap<String, String>;

/// How a file is to be read.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What it holds.
    pub kind: Kind,
    /// Where its columns go; none: they have our names.
    pub mapping: Option<Mapping>,
    /// What stands in its amounts; none: its rows say it.
    pub decimal: Option<DecimalMark>,
}

impl Asked {
    /// A file with our columns.
    pub const fn new(kind: Kind) -> Self {
        Self { kind, mapping: None, decimal: None }
    }
}

/// The file cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// How a file is laid out, as kept with its import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Its columns as it names them.
    pub header: Vec<String>,
    /// Where each goes: a place among the kind's columns.
    pub places: Vec<Option<usize>>,
    /// Between its cells.
    pub delimiter: char,
    /// In its amounts.
    pub decimal: DecimalMark,
    /// Amounts with a comma, less those with a point, of the rows that were looked at; none: it was
    /// said.
    #[serde(skip)]
    marks: Option<i64>,
    #[serde(skip)]
    amounts: Option<usize>,
}

/// A column as it is compared: without case, marks of byte order and spaces around.
pub fn folded(column: &str) -> String {
    column.trim_start_matches('\u{feff}').trim().to_lowercase()
}

/// A column as it is shown and kept.
pub(super) fn shown(column: &str) -> String {
    plain_text(column.trim_start_matches('\u{feff}'), HEADER_CHARS_MAX)
}

impl Layout {
    /// Finds out where columns go.
    pub(super) fn new<S: AsRef<str>>(
        asked: &Asked,
        header: &[S],
        delimiter: char,
    ) -> Result<Self, Unreadable> {
        if header.len() > HEADER_CELLS_MAX {
            return Err(Unreadable("a file has at most 200 columns".to_owned()));
        }
        let kind = asked.kind;
        let mut places = vec![];
        for cell in header {
            let name = folded(cell.as_ref());
            let place = place(asked, &name)?;
            if let Some(place) = place.filter(|place| places.contains(&Some(*place))) {
                let column = kind.columns()[place];
                return Err(Unreadable(format!("the column {column} is there twice")));
            }
            places.push(place);
        }
        for needed in kind.needed() {
            if !places.iter().flatten().any(|place| kind.columns()[*place] == *needed) {
                return Err(Unreadable(format!("the first row must name the column {needed}")));
            }
        }
        let amount = kind.columns().iter().position(|c| *c == "price");
        Ok(Self {
            header: header.iter().map(|cell| shown(cell.as_ref())).collect(),
            amounts: places.iter().position(|place| place.is_some() && *place == amount),
            places,
            delimiter,
            decimal: asked.decimal.unwrap_or_default(),
            marks: asked.decimal.is_none().then_some(0),
        })
    }

    /// Of rows that lie in the order of the kind's columns.
    pub(super) fn plain(kind: Kind) -> Self {
        Self {
            header: kind.columns().iter().map(|c| (*c).to_owned()).collect(),
            places: (0..kind.columns().len()).map(Some).collect(),
            delimiter: ',',
            decimal: DecimalMark::Point,
            marks: None,
            amounts: None,
        }
    }

    /// Looks how a row writes its amount.
    pub(super) fn look(&mut self, cells: &[String]) {
        let amount = self.amounts.and_then(|at| cells.get(at));
        let (Some(marks), Some(amount)) = (&mut self.marks, amount) else { return };
        *marks += match (amount.contains(','), amount.contains('.')) {
            (true, false) => 1,
            (false, true) => -1,
            _ => 0,
        };
    }

    /// As its rows say: of most amounts the mark counts, so that one slip does not turn the file.
    pub(super) fn settled(mut self) -> Self {
        if self.marks.is_some_and(|marks| marks > 0) {
            self.decimal = DecimalMark::Comma;
        }
        self
    }

    /// The cells that our columns have in a row of the file.
    pub(super) fn cells(&self, kind: Kind, row: &[String]) -> Cells {
        let mut cells = vec![None; kind.columns().len()];
        for (cell, place) in row.iter().zip(&self.places) {
            if let Some(cells) = place.and_then(|place| cells.get_mut(place)) {
                *cells = Some(csv::plain(cell.trim()).trim().to_owned());
            }
        }
        cells
    }

    /// Our columns, each with the file's that goes there.
    pub fn mapping(&self, kind: Kind) -> Mapping {
        let named = |(place, name): (&Option<usize>, &String)| {
            Some((kind.columns().get((*place)?)?.to_string(), name.clone()))
        };
        self.places.iter().zip(&self.header).filter_map(named).collect()
    }
}

/// Where one column goes.
fn place(asked: &Asked, name: &str) -> Result<Option<usize>, Unreadable> {
    let kind = asked.kind;
    if REPORT.contains(&name) {
        return Ok(None);
    }
    if let Some(mapping) = &asked.mapping {
        // What nobody mapped is not read.
        return Ok(kind
            .columns()
            .iter()
            .position(|column| mapping.get(*column).is_some_and(|theirs| folded(theirs) == name)));
    }
    let place = kind.columns().iter().position(|column| *column == name);
    if place.is_none() && !kind.exported().contains(&name) {
        let (name, columns) = (plain_text(name, 40), kind.columns().join(", "));
        return Err(Unreadable(format!(
            "the column {name:?} is not known; columns are {columns}, others need a mapping"
        )));
    }
    Ok(place)
}

/// A mapping for a file that nobody has mapped yet: by our names, then by what others call them.
pub(super) fn guess<S: AsRef<str>>(kind: Kind, header: &[S]) -> Mapping {
    let mut mapping = Mapping::new();
    let free = |mapping: &Mapping, name: &str| !mapping.values().any(|theirs| theirs == name);
    for ours in [true, false] {
        for column in kind.columns() {
            if mapping.contains_key(*column) {
                continue;
            }
            let fits = |theirs: &&S| {
                let name = folded(theirs.as_ref());
                let known =
                    if ours { name == *column } else { Kind::known_as(column).contains(&&*name) };
                known && free(&mapping, theirs.as_ref())
            };
            if let Some(theirs) = header.iter().find(fits) {
                mapping.insert((*column).to_owned(), theirs.as_ref().to_owned());
            }
        }
    }
    mapping
}

/// Whether two files have the same columns; those of a report count for nothing.
pub fn same_columns<A: AsRef<str>, B: AsRef<str>>(one: &[A], other: &[B]) -> bool {
    fn set<S: AsRef<str>>(columns: &[S]) -> std::collections::BTreeSet<String> {
        let named = columns.iter().map(|c| folded(c.as_ref()));
        named.filter(|name| !REPORT.contains(&name.as_str())).collect()
    }
    set(one) == set(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(asked: &Asked, header: &[&str]) -> Result<Layout, String> {
        Layout::new(asked, header, ';').map_err(|e| e.0)
    }

    #[test]
    fn a_header_must_say_what_is_there() {
        for (header, words) in [
            (&["sku", "quantity"][..], "location"),
            (&["sku", "location", "quantity", "colour"], "colour"),
            (&["sku", "sku", "location", "quantity"], "twice"),
            (&[], "sku"),
        ] {
            let wrong = layout(&Asked::new(Kind::Stock), header).unwrap_err();
            assert!(wrong.contains(words), "{header:?}: {wrong}");
        }
    }

    #[test]
    fn a_mapped_file_is_read_by_its_own_names_and_the_rest_is_left() {
        let header = ["Artikel-Nr", "Bezeichnung", "Farbe", "VK"];
        let mapping = guess(Kind::Items, &header);
        let names: Vec<_> = mapping.iter().map(|(o, t)| (o.as_str(), t.as_str())).collect();
        assert_eq!(names, [("name", "Bezeichnung"), ("price", "VK"), ("sku", "Artikel-Nr")]);
        let asked = Asked { mapping: Some(mapping.clone()), ..Asked::new(Kind::Items) };
        let layout = layout(&asked, &header).unwrap();
        assert_eq!(layout.mapping(Kind::Items), mapping);
        let row = ["A1", " Tee ", "rot", "'-"].map(str::to_owned);
        let cells = layout.cells(Kind::Items, &row);
        assert_eq!(cells[..4], [Some("A1".into()), Some("Tee".into()), None, Some("-".into())]);
        assert_eq!(cells[4..], vec![None; 8]);
        let report = ["artikel-nr ", "VK", "Farbe", "bezeichnung", "import_row", "import_code"];
        assert!(same_columns(&header, &report));
        assert!(!same_columns(&header, &header[1..]));
    }

    #[test]
    fn what_most_amounts_have_is_the_decimal_mark() {
        let decimal = |said, amounts: &[&str]| {
            let asked = Asked { decimal: said, ..Asked::new(Kind::Prices) };
            let mut layout = Layout::new(&asked, &["sku", "price"], ';').unwrap();
            amounts.iter().for_each(|a| layout.look(&["A".to_owned(), (*a).to_owned()]));
            layout.settled().decimal
        };
        assert_eq!(decimal(None, &["1,50", "2,00", "3.1", "4"]), DecimalMark::Comma);
        assert_eq!(decimal(None, &["1,50", "2.00", "1,234.50"]), DecimalMark::Point);
        assert_eq!(decimal(Some(DecimalMark::Point), &["1,50"]), DecimalMark::Point);
    }
}
