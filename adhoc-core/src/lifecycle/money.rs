use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MICROS: u64 = 1_000_000;

/// The highest amount that is taken from a file, in dollars: what is more has slipped a decimal point.
const MOST: f64 = 1_000_000.0;

/// An amount of US dollars, in whole millionths, so that sums are exact. In files and JSON it is a number of dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money {
    micros: u64,
}

impl Money {
    /// An amount in millionths of a dollar.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// The amount in millionths of a dollar.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.micros
    }

    /// `numerator / denominator` of it, rounded to the nearest millionth; 0 if `denominator` is 0.
    #[must_use]
    pub fn share(self, numerator: u64, denominator: u64) -> Self {
        let denominator = u128::from(denominator);
        let product = u128::from(self.micros) * u128::from(numerator);
        let rounded = (product + denominator / 2).checked_div(denominator).unwrap_or_default();
        Self { micros: u64::try_from(rounded).unwrap_or(u64::MAX) }
    }

    /// So many times it.
    #[must_use]
    pub fn times(self, factor: u64) -> Self {
        Self { micros: self.micros.saturating_mul(factor) }
    }

    /// Dollars as they are written, rounded to the millionth; none for what is no amount.
    fn from_dollars(dollars: f64) -> Option<Self> {
        if !(0.0..=MOST).contains(&dollars) {
            return None;
        }
        // Between 0 and 10^12 after the check, which f64 holds exactly.
        let micros = (dollars * 1e6).round() as u64;
        Some(Self { micros })
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { micros: self.micros.saturating_add(other.micros) }
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

/// `$1.42`, rounded to the cent.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.micros.saturating_add(5_000) / 10_000;
        f.pad(&format!("${}.{:02}", cents / 100, cents % 100))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (dollars, micros) = (self.micros / MICROS, self.micros % MICROS);
        // The shortest decimal of this number is the amount, for any amount below nine thousand million dollars.
        let number = format!("{dollars}.{micros:06}").parse::<f64>().map_err(serde::ser::Error::custom)?;
        serializer.serialize_f64(number)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Dollars)
    }
}

struct Dollars;

impl Visitor<'_> for Dollars {
    type Value = Money;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount in dollars, such as 0.04048")
    }

    fn visit_f64<E: de::Error>(self, dollars: f64) -> Result<Money, E> {
        Money::from_dollars(dollars).ok_or_else(|| E::invalid_value(de::Unexpected::Float(dollars), &self))
    }

    fn visit_u64<E: de::Error>(self, dollars: u64) -> Result<Money, E> {
        let amount = u32::try_from(dollars).ok().and_then(|dollars| Money::from_dollars(dollars.into()));
        amount.ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(dollars), &self))
    }

    fn visit_i64<E: de::Error>(self, dollars: i64) -> Result<Money, E> {
        let amount = u64::try_from(dollars).map_err(|_| E::invalid_value(de::Unexpected::Signed(dollars), &self))?;
        self.visit_u64(amount)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_shown_in_cents() {
        for (micros, text) in
            [(0, "$0.00"), (1_419_840, "$1.42"), (4_999, "$0.00"), (5_000, "$0.01"), (12_995_000, "$13.00")]
        {
            assert_eq!(Money::from_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn a_share_is_rounded_to_the_nearest() {
        assert_eq!(Money::from_micros(10).share(1, 3).micros(), 3);
        assert_eq!(Money::from_micros(11).share(1, 2).micros(), 6);
        assert_eq!(Money::from_micros(11).share(1, 0).micros(), 0);
        assert_eq!(Money::from_micros(u64::MAX).share(7, 7).micros(), u64::MAX);
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["-1", "-0.5", "1e300", "\"1.5\"", "null", "2000000"] {
            assert!(serde_json::from_str::<Money>(text).is_err(), "{text}");
        }
        assert_eq!(serde_json::from_str::<Money>("3").expect("whole dollars").micros(), 3_000_000);
    }

    proptest! {
        #[test]
        fn json_gives_back_what_was_written(micros in 0..1_000_000_000_000_u64) {
            let money = Money::from_micros(micros);
            let text = serde_json::to_string(&money).expect("written");
            prop_assert_eq!(serde_json::from_str::<Money>(&text).expect("read"), money);
        }
    }
}
