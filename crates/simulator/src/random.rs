//! Numbers that look random and are the same for the same seed, on every machine and for ever (SplitMix64).

#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of one student of a class.
    pub(crate) fn new(seed: u64, student: u64) -> Self {
        let mut random = Self(seed ^ student.wrapping_mul(0xd134_2543_de82_ef95));
        // Neighbouring seeds part here.
        random.bits();
        Self(random.bits())
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from `low` up to `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        let unit = (self.bits() >> 11) as f64 / (1u64 << 53) as f64;
        low + (high - low) * unit
    }

    /// True as often as `share` of 1 says.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.between(0.0, 1.0) < share
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.bits() % end.max(1) as u64) as usize
    }

    /// One of the list, which is not empty.
    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// How long somebody thinks: mostly about `usual` seconds, now and then much longer.
    pub(crate) fn pause(&mut self, usual: f64) -> f64 {
        let long = if self.chance(0.08) { self.between(2.0, 5.0) } else { 1.0 };
        usual * self.between(0.4, 1.6) * long
    }

    /// Twelve hex digits, as sessions, clients and requests have them.
    pub(crate) fn id(&mut self) -> String {
        format!("{:012x}", self.bits() & 0xffff_ffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_and_another_seat_others() {
        let numbers = |seed, student| {
            let mut random = Random::new(seed, student);
            [random.bits(), random.bits()]
        };
        assert_eq!(numbers(1, 2), numbers(1, 2));
        assert_ne!(numbers(1, 2), numbers(1, 3));
        assert_ne!(numbers(1, 2), numbers(2, 2));
        let mut random = Random::new(7, 7);
        assert!((0..1000).map(|_| random.between(2.0, 3.0)).all(|number| (2.0..3.0).contains(&number)));
        let heads = (0..1000).filter(|_| random.chance(0.3)).count();
        assert!((230..370).contains(&heads), "{heads}");
    }
}
