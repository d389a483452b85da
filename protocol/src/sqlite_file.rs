//! Whether a file can be a whole SQLite database, by its first bytes: a backup that was cut short
//! says so in better words than SQLite has for it. It opens nothing.

/// How much of a file is looked at.
pub const HEADER_BYTES: u64 = 100;
/// What a SQLite file begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// What is wrong with a file of this length that begins so; none when nothing is.
pub fn fault(header: &[u8], length: u64) -> Option<String> {
    let header: &[u8; 100] = match header.first_chunk() {
        Some(header) if header.starts_with(MAGIC) => header,
        _ => return Some("it is no SQLite database".to_owned()),
    };
    let number = |at: usize| header[at..at + 4].iter().fold(0, |n, b| n << 8 | u64::from(*b));
    // A page of 64 KiB is written as 1. The number of pages counts when it is as new as the file.
    let page = match number(14) & 0xffff {
        1 => 1 << 16,
        size => size,
    };
    let pages = if number(24) == number(92) { number(28) } else { 0 };
    let whole = page * pages;
    (length < whole).then(|| format!("it was cut short: {length} of {whole} bytes are there"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(page: [u8; 2], pages: u8) -> [u8; 100] {
        let mut header = [0; 100];
        header[..16].copy_from_slice(MAGIC);
        header[16..18].copy_from_slice(&page);
        header[31] = pages;
        header
    }

    #[test]
    fn a_file_that_is_cut_short_says_how_much_is_there() {
        assert_eq!(fault(&header([16, 0], 3), 12_288), None);
        let cut = fault(&header([16, 0], 3), 12_287).unwrap();
        assert!(cut.contains("12287 of 12288"), "{cut}");
        assert!(fault(&header([0, 1], 2), 65_536).is_some(), "a page of 64 KiB is written as 1");
        let mut older = header([16, 0], 3);
        older[27] = 1;
        assert_eq!(fault(&older, 4_096), None, "the count is older than the file");
        assert!(fault(b"SQLite format 3\0", 16).is_some());
        assert!(fault(&[0; 100], 4_096).is_some());
    }
}
