//! Pages in a binary: a build script makes the table of a folder of built pages, the binary serves what stands in it.
//!
//! What gzip makes smaller is embedded so: the pages are text, and every image carries them.

#[cfg(feature = "embed")]
pub mod embed;
#[cfg(feature = "serve")]
mod serve;

use std::{
    borrow::Cow,
    io::{self, Read},
};

use flate2::read::GzDecoder;

/// Includes the table that `embed::folder` made while this crate was built; a value of [`Pages`].
#[macro_export]
macro_rules! embedded {
    () => {
        include!(concat!(env!("OUT_DIR"), "/pages.rs"))
    };
}

/// One file of the pages, as it is embedded.
#[derive(Debug)]
pub struct Page {
    /// Its path under `/`.
    pub name: &'static str,
    /// Names the content.
    pub hash: &'static str,
    /// Whether `bytes` are gzip's.
    pub gzip: bool,
    /// The content, or what gzip makes of it.
    pub bytes: &'static [u8],
}

impl Page {
    /// The content as it was before it was embedded.
    ///
    /// # Errors
    /// The embedded bytes are damaged.
    pub fn decoded(&self) -> io::Result<Cow<'static, [u8]>> {
        if !self.gzip {
            return Ok(self.bytes.into());
        }
        let mut plain = Vec::new();
        GzDecoder::new(self.bytes).read_to_end(&mut plain)?;
        Ok(plain.into())
    }
}

/// The files of a folder, by name.
#[derive(Clone, Copy, Debug)]
pub struct Pages(&'static [Page]);

impl Pages {
    /// The files, which must be in the order of their names.
    pub const fn new(files: &'static [Page]) -> Self {
        Self(files)
    }

    /// Whether there is none: the pages were not built before this binary was.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'static Page> {
        self.0.iter()
    }

    /// The file of a name.
    pub fn get(&self, name: &str) -> Option<&'static Page> {
        self.0.binary_search_by_key(&name, |page| page.name).ok().and_then(|place| self.0.get(place))
    }
}
