use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A length of time in words, in the one unit that matters: `20 minutes`, `3 hours`, `5 days`. What is over is left out.
#[must_use]
pub fn roughly(duration: Duration) -> String {
    let (number, unit) = match duration.as_secs() {
        0..MINUTE => return "less than a minute".to_owned(),
        seconds @ MINUTE..HOUR => (seconds / MINUTE, "minute"),
        seconds if seconds < 2 * DAY => (seconds / HOUR, "hour"),
        seconds => (seconds / DAY, "day"),
    };
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_one_unit() {
        for (seconds, words) in [
            (59, "less than a minute"),
            (60, "1 minute"),
            (3599, "59 minutes"),
            (3600, "1 hour"),
            (172_799, "47 hours"),
            (172_800, "2 days"),
            (31 * 86_400, "31 days"),
        ] {
            assert_eq!(roughly(Duration::from_secs(seconds)), words);
        }
    }
}
