//! Bytes to text: a character that two reads cut through is kept whole, and what is not UTF-8 becomes U+FFFD.

/// The decoder of one session's output.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The beginning of a character, at most 3 bytes.
    part: [u8; 4],
    len: usize,
}

impl Decoder {
    /// Appends the text of `bytes` to `out`, but for an unfinished character at their end.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut String) {
        while self.len > 0 {
            let Some((&next, rest)) = bytes.split_first() else { return };
            self.part[self.len] = next;
            match std::str::from_utf8(&self.part[..=self.len]) {
                Ok(whole) => {
                    out.push_str(whole);
                    (self.len, bytes) = (0, rest);
                }
                Err(error) if error.error_len().is_none() => (self.len, bytes) = (self.len + 1, rest),
                // The byte does not go on with the character: it begins anew with it.
                Err(_) => {
                    out.push('\u{fffd}');
                    self.len = 0;
                }
            }
        }
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return out.push_str(text),
                Err(error) => {
                    let (valid, rest) = bytes.split_at(error.valid_up_to());
                    out.push_str(std::str::from_utf8(valid).unwrap_or_default());
                    let Some(skip) = error.error_len() else {
                        self.len = rest.len();
                        self.part[..rest.len()].copy_from_slice(rest);
                        return;
                    };
                    out.push('\u{fffd}');
                    bytes = &rest[skip..];
                }
            }
        }
    }

    /// The output has ended: an unfinished character is none.
    pub fn finish(&mut self, out: &mut String) {
        if self.len > 0 {
            out.push('\u{fffd}');
            self.len = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use workshop_testing::rounds;

    use super::*;

    fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> String {
        let (mut decoder, mut out) = (Decoder::default(), String::new());
        for chunk in chunks {
            decoder.push(chunk, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn every_split_of_every_length() {
        let text = "aé界👩‍🚀ع\u{fffd}z".as_bytes();
        for at in 0..=text.len() {
            assert_eq!(decode([&text[..at], &text[at..]]).as_bytes(), text);
        }
        assert_eq!(decode(text.chunks(1)).as_bytes(), text);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(rounds(64, 8_192)))]
        #[test]
        fn any_bytes_in_any_chunks_decode_like_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1usize..9) {
            prop_assert_eq!(decode(bytes.chunks(size)), String::from_utf8_lossy(&bytes));
        }
    }
}
