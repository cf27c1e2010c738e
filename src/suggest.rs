//! "Did you mean": which known names are close to one that nobody knows.
//!
//! Source: Elasticsearch's parameter and field suggestions: normalised edit distance, more than one
//! half, the best first, equals by name.

/// A name that is asked for by its words is worth a suggestion from here on.
const WORD_SIMILARITY_MIN: f32 = 0.7;

/// The names of `known` that are more than 50 % similar to `unknown`, the most similar first.
pub(crate) fn similar<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // Each character that one name has more costs a step, so half the length is never close.
    let length = unknown.chars().count();
    let may_be_close = |name: &&str| {
        let other = name.chars().count();
        2 * length.min(other) > length.max(other)
    };
    let mut close: Vec<(f32, &str)> = known
        .into_iter()
        .filter(may_be_close)
        .map(|name| (similarity(unknown, name), name))
        .filter(|(similarity, _)| *similarity > 0.5)
        .collect();
    close.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    close.dedup();
    close.into_iter().map(|(_, name)| name).collect()
}

/// The names that have the words of `unknown`, or words like them: those that have them best, and of these
/// the ones with the fewest other words.
pub(crate) fn with_words_of<'n>(unknown: &str, names: &[&'n str]) -> Vec<&'n str> {
    let words = |name: &str| -> Vec<String> {
        name.split(['.', '_', ' ', '/', '-']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let asked = words(unknown);
    let mut scored: Vec<(f32, usize, &str)> = names
        .iter()
        .map(|name| {
            let own = words(name);
            let best = |word: &String| own.iter().map(|own| similarity(word, own)).fold(0.0, f32::max);
            (asked.iter().map(best).sum::<f32>() / asked.len().max(1) as f32, own.len(), *name)
        })
        .filter(|(score, ..)| *score > WORD_SIMILARITY_MIN)
        .collect();
    scored.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)).then(one.2.cmp(other.2)));
    let Some(&(score, length, _)) = scored.first() else { return Vec::new() };
    let mut close: Vec<&str> =
        scored.into_iter().filter(|one| (one.0, one.1) == (score, length)).map(|(.., name)| name).collect();
    close.dedup();
    close
}

/// 1 for equal texts, 0 for texts without anything in common.
pub(crate) fn similarity(one: &str, other: &str) -> f32 {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let longer = one.len().max(other.len());
    if longer == 0 {
        return 1.0;
    }
    1.0 - edit_distance(&one, &other) as f32 / longer as f32
}

fn edit_distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, b) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_close_names_are_suggested_and_the_closest_first() {
        let claim = ["worker_hostname", "sync_cursor"];
        for (unknown, expected) in [
            ("workerHostname", vec!["worker_hostname"]),
            ("hostname", vec!["worker_hostname"]),
            ("worker_host", vec!["worker_hostname"]),
            ("cursor", vec!["sync_cursor"]),
            ("sync_cursors", vec!["sync_cursor"]),
            ("host", vec![]),
            ("worker", vec![]),
            ("nope", vec![]),
        ] {
            assert_eq!(similar(unknown, claim), expected, "{unknown}");
        }
        assert_eq!(similar("aab", ["aaa", "aac", "aab"]), ["aab", "aaa", "aac"]);
    }
}
