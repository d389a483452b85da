//! Pictures of black and white dots: a logo from a PNG file, a QR code that we draw ourselves.
//!
//! Owns size, grey turned into dots, and where each dot stands. Must not know printers' commands.
//! Invariant: memory is bounded whatever a file claims, and no picture is wider than asked for.

use std::fs;
use std::io::{self, Cursor, Read};
use std::path::Path;

use image::imageops::{self, FilterType};
use image::{GrayImage, ImageFormat, ImageReader, Limits, Luma};
use qrcode::{Color, EcLevel, QrCode};

/// A logo's file; more is no logo.
const FILE_MAX: u64 = 2 * 1024 * 1024;
const SIDE_MAX: u32 = 4096;
const ALLOC_MAX: u64 = 128 * 1024 * 1024;
/// About six centimetres of paper above every receipt.
const ROWS_MAX: usize = 480;

/// Rows of dots, packed eight to a byte, the leftmost in the highest bit, 1 for black.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitmap {
    width: usize,
    height: usize,
    bits: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error("cannot read the logo {path}: {error}")]
    Unreadable { path: String, error: io::Error },
    #[error("the logo is larger than 2 MiB")]
    FileTooLarge,
    #[error("the logo is not a PNG file that can be printed: {0}")]
    Malformed(#[from] image::ImageError),
}

impl Bitmap {
    /// A white picture.
    pub fn blank(width: usize, height: usize) -> Bitmap {
        Bitmap { width, height, bits: vec![0; width.div_ceil(8) * height] }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    pub fn row_bytes(&self) -> usize {
        self.width.div_ceil(8)
    }

    /// The bytes of a row.
    pub fn row(&self, y: usize) -> &[u8] {
        let length = self.row_bytes();
        self.bits.get(y * length..(y + 1) * length).unwrap_or_default()
    }

    pub fn is_black(&self, x: usize, y: usize) -> bool {
        x < self.width && self.row(y).get(x / 8).is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0)
    }

    fn blacken(&mut self, x: usize, y: usize) {
        let place = y * self.row_bytes() + x / 8;
        if let Some(byte) = self.bits.get_mut(place).filter(|_| x < self.width) {
            *byte |= 0x80 >> (x % 8);
        }
    }

    /// Reads a logo of at most `dots` across.
    pub fn read(path: &Path, dots: usize) -> Result<Bitmap, PictureError> {
        let unreadable =
            |error| PictureError::Unreadable { path: path.display().to_string(), error };
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(unreadable)?;
        file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(PictureError::FileTooLarge);
        }
        Bitmap::from_png(&bytes, dots)
    }

    /// The picture of a PNG file, made smaller where it is wider than `dots` or too tall, its greys
    /// as patterns of dots. What shines through is white.
    pub fn from_png(bytes: &[u8], dots: usize) -> Result<Bitmap, PictureError> {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png);
        let mut limits = Limits::default();
        limits.max_image_width = Some(SIDE_MAX);
        limits.max_image_height = Some(SIDE_MAX);
        limits.max_alloc = Some(ALLOC_MAX);
        reader.limits(limits);
        let picture = reader.decode()?.into_luma_alpha8();
        let (width, height) = picture.dimensions();
        let on_white = GrayImage::from_fn(width, height, |x, y| {
            let [grey, alpha] = picture.get_pixel(x, y).0.map(u32::from);
            let shade = (grey * alpha + 255 * (255 - alpha)) / 255;
            Luma([u8::try_from(shade).unwrap_or(u8::MAX)])
        });
        let (width, height) = (width as usize, height as usize);
        let mut fitting = (width, height);
        if fitting.0 > dots {
            fitting = (dots, (height * dots / width).max(1));
        }
        if fitting.1 > ROWS_MAX {
            fitting = ((fitting.0 * ROWS_MAX / fitting.1).max(1), ROWS_MAX);
        }
        if fitting == (width, height) {
            return Ok(Bitmap::dithered(&on_white));
        }
        let side = |dots: usize| u32::try_from(dots).unwrap_or(SIDE_MAX);
        let (wide, high) = (side(fitting.0), side(fitting.1));
        Ok(Bitmap::dithered(&imageops::resize(&on_white, wide, high, FilterType::Triangle)))
    }

    /// Floyd and Steinberg: what a dot is too dark or too bright goes on to its neighbours.
    fn dithered(picture: &GrayImage) -> Bitmap {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut out = Bitmap::blank(width, height);
        let mut rest = vec![0i32; width + 2];
        for y in 0..height {
            let mut below = vec![0i32; width + 2];
            let mut right = 0;
            for x in 0..width {
                let [grey] = picture.get_pixel(x as u32, y as u32).0;
                let shade = i32::from(grey) + (rest[x + 1] + right) / 16;
                let black = shade < 128;
                if black {
                    out.blacken(x, y);
                }
                let error = shade - if black { 0 } else { 255 };
                right = 7 * error;
                below[x] += 3 * error;
                below[x + 1] += 5 * error;
                below[x + 2] += error;
            }
            rest = below;
        }
        out
    }

    /// A QR code with its quiet zone, as large as it may be at up to `module` dots a module;
    /// `None` when it does not fit into `dots`.
    pub fn qr(content: &str, module: usize, dots: usize) -> Option<Bitmap> {
        const QUIET: usize = 4;
        let code = QrCode::with_error_correction_level(content, EcLevel::M).ok()?;
        let modules = code.width() + 2 * QUIET;
        let module = module.min(dots / modules);
        if module < 2 {
            return None;
        }
        let mut out = Bitmap::blank(modules * module, modules * module);
        for (place, color) in code.to_colors().into_iter().enumerate() {
            if color == Color::Light {
                continue;
            }
            let (x, y) = (place % code.width() + QUIET, place / code.width() + QUIET);
            for row in 0..module {
                (0..module).for_each(|dot| out.blacken(x * module + dot, y * module + row));
            }
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, LumaA, Rgba};

    use super::*;

    fn png<P>(picture: &ImageBuffer<P, Vec<u8>>) -> Vec<u8>
    where
        P: image::PixelWithColorType<Subpixel = u8>,
    {
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, ImageFormat::Png).unwrap();
        out.into_inner()
    }

    fn share_of_black(bitmap: &Bitmap) -> f64 {
        let black: u32 = bitmap.bits.iter().map(|byte| byte.count_ones()).sum();
        f64::from(black) / (bitmap.width * bitmap.height) as f64
    }

    #[test]
    fn greys_become_as_many_black_dots_as_they_are_dark() {
        for (grey, alpha, share) in
            [(0, 255, 1.0), (255, 255, 0.0), (64, 255, 0.75), (128, 255, 0.5), (0, 128, 0.5)]
        {
            let file = png(&ImageBuffer::from_pixel(80, 40, LumaA([grey, alpha])));
            let bitmap = Bitmap::from_png(&file, 576).unwrap();
            assert_eq!((bitmap.width(), bitmap.height()), (80, 40));
            let black = share_of_black(&bitmap);
            assert!((black - share).abs() < 0.03, "{grey} {alpha}: {black}");
        }
    }

    #[test]
    fn a_logo_is_made_small_enough_and_never_larger() {
        let dark = Rgba([10, 20, 30, 255]);
        for ((width, height), fitting) in
            [((1000, 500), (384, 192)), ((100, 4000), (12, 480)), ((13, 7), (13, 7))]
        {
            let bitmap =
                Bitmap::from_png(&png(&ImageBuffer::from_pixel(width, height, dark)), 384).unwrap();
            assert_eq!((bitmap.width(), bitmap.height()), fitting);
            assert!(!bitmap.is_black(bitmap.width(), 0) && !bitmap.is_black(0, bitmap.height()));
        }
    }

    #[test]
    fn files_that_are_no_logo_are_refused() {
        let wide = png(&ImageBuffer::from_pixel(5000, 1, Luma([0u8])));
        for file in [&b""[..], b"GIF89a", &wide, &wide[..40]] {
            assert!(Bitmap::from_png(file, 384).is_err());
        }
        assert!(Bitmap::read(Path::new("/no/such/logo.png"), 384).is_err());
    }

    #[test]
    fn a_qr_code_has_its_quiet_zone_or_is_left_out() {
        let bitmap = Bitmap::qr("https://shop.example/r/1", 5, 576).unwrap();
        assert_eq!(bitmap.width(), bitmap.height());
        assert!((0..20).all(|dot| !bitmap.is_black(dot, 20)), "the quiet zone");
        assert!(bitmap.is_black(20, 20), "the first corner");
        assert!(Bitmap::qr(&"x".repeat(900), 5, 200).is_none());
    }
}
