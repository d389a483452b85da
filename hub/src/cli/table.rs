//! Lists as columns for people.

use serde_json::Value;

/// Rows under their headings; what is a text is shown without control characters.
pub(super) fn table(headings: &[&str], rows: &[Value]) -> String {
    let cell = |row: &Value, name: &str| match &row[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => oneshelf_domain::code::plain_text(text, 120),
        Value::Array(all) => {
            let parts: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
            oneshelf_domain::code::plain_text(&parts.join(","), 120)
        }
        other => other.to_string(),
    };
    let mut lines = vec![headings.iter().map(|h| h.to_uppercase()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| headings.iter().map(|h| cell(row, h)).collect()));
    let widths: Vec<usize> = (0..headings.len())
        .map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0))
        .collect();
    let shown = lines.iter().map(|line| {
        let padded: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}", width = *width))
            .collect();
        padded.join("  ").trim_end().to_owned()
    });
    shown.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [
            serde_json::json!({"code": "S07", "name": "Quay\u{1b}[31m Street", "at": ["a", "b"]}),
            serde_json::json!({"code": "W01", "name": null, "at": 5}),
        ];
        let text = table(&["code", "name", "at"], &rows);
        assert_eq!(
            text,
            "CODE  NAME              AT\nS07   Quay [31m Street  a,b\nW01   -                 5"
        );
    }
}
