//! Analysis: which analyzers, normalizers and similarities an index has, and whether they can be built.
//!
//! Nothing is analysed here. It is only seen to that every name in settings and mappings leads to something.
//!
//! Source: Elasticsearch 9.x, registry of analysis components, the components that ship with it, custom analyzers
//! and normalizers, similarity service.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

/// Why analysis cannot be set up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AnalysisRefusal {
    /// A component says neither its type nor, if it is an analyzer, its tokenizer.
    NoType {
        /// What it is: `analyzer`, `tokenizer`, `filter`, `char_filter`.
        component: &'static str,
        /// Its name.
        name: String,
    },
    /// There is no such type.
    UnknownType {
        /// What it is.
        component: &'static str,
        /// The type.
        kind: String,
        /// Its name.
        name: String,
    },
    /// Parts of words or groups of words of more lengths than there may be.
    TooFarApart {
        /// Whether they are groups of words.
        is_of_words: bool,
        /// How far the lengths may lie apart.
        most: i64,
        /// How far they do.
        given: i64,
    },
    /// A custom analyzer without a tokenizer.
    NoTokenizer {
        /// The analyzer.
        name: String,
    },
    /// A custom analyzer or normalizer names a part that is not there.
    NotFound {
        /// `Analyzer` or `normalizer`.
        whole: &'static str,
        /// Its name.
        name: String,
        /// What is missing: `tokenizer`, `filter`, `char_filter`.
        component: &'static str,
        /// The name of what is missing.
        part: String,
    },
    /// A normalizer with a tokenizer.
    NormalizerTokenizer {
        /// The normalizer.
        name: String,
    },
    /// A normalizer with a part that makes several words of one.
    NormalizerPart {
        /// The normalizer.
        name: String,
        /// `filter` or `char filter`.
        component: &'static str,
        /// The part.
        part: String,
    },
    /// A name that begins with an underscore.
    Underscore {
        /// The analyzer.
        name: String,
    },
    /// A name that is not supported any more.
    DefaultIndex,
    /// A similarity that there is already.
    BuiltInSimilarity {
        /// The similarity.
        name: String,
    },
    /// A similarity of no type, or of one that there is not.
    SimilarityType {
        /// The similarity.
        name: String,
        /// The type; none if it says none.
        kind: Option<String>,
    },
}

const ANALYZERS: &[&str] = &[
    "arabic",
    "armenian",
    "basque",
    "bengali",
    "brazilian",
    "bulgarian",
    "catalan",
    "chinese",
    "cjk",
    "classic",
    "czech",
    "danish",
    "default",
    "dutch",
    "english",
    "estonian",
    "fingerprint",
    "finnish",
    "french",
    "galician",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "indonesian",
    "irish",
    "italian",
    "keyword",
    "latvian",
    "lithuanian",
    "norwegian",
    "pattern",
    "persian",
    "portuguese",
    "romanian",
    "russian",
    "serbian",
    "simple",
    "snowball",
    "sorani",
    "spanish",
    "standard",
    "stop",
    "swedish",
    "thai",
    "turkish",
    "whitespace",
];

const TOKENIZERS: &[&str] = &[
    "PathHierarchy",
    "char_group",
    "classic",
    "edge_ngram",
    "keyword",
    "letter",
    "lowercase",
    "ml_standard",
    "ngram",
    "path_hierarchy",
    "pattern",
    "simple_pattern",
    "simple_pattern_split",
    "standard",
    "thai",
    "uax_url_email",
    "whitespace",
];

const FILTERS: &[&str] = &[
    "apostrophe",
    "arabic_normalization",
    "arabic_stem",
    "asciifolding",
    "bengali_normalization",
    "brazilian_stem",
    "cjk_bigram",
    "cjk_width",
    "classic",
    "common_grams",
    "condition",
    "czech_stem",
    "decimal_digit",
    "delimited_payload",
    "dictionary_decompounder",
    "dutch_stem",
    "edge_ngram",
    "elision",
    "fingerprint",
    "flatten_graph",
    "french_stem",
    "german_normalization",
    "german_stem",
    "hindi_normalization",
    "hunspell",
    "hyphenation_decompounder",
    "indic_normalization",
    "keep",
    "keep_types",
    "keyword_marker",
    "keyword_repeat",
    "kstem",
    "length",
    "limit",
    "lowercase",
    "min_hash",
    "multiplexer",
    "ngram",
    "pattern_capture",
    "pattern_replace",
    "persian_normalization",
    "persian_stem",
    "porter_stem",
    "predicate_token_filter",
    "remove_duplicates",
    "reverse",
    "russian_stem",
    "scandinavian_folding",
    "scandinavian_normalization",
    "serbian_normalization",
    "shingle",
    "snowball",
    "sorani_normalization",
    "stemmer",
    "stemmer_override",
    "stop",
    "synonym",
    "synonym_graph",
    "trim",
    "truncate",
    "type_as_payload",
    "unique",
    "uppercase",
    "word_delimiter",
    "word_delimiter_graph",
];

/// Filters that nobody can name without settings of their own.
const SET_FILTERS: &[&str] = &[
    "condition",
    "dictionary_decompounder",
    "hunspell",
    "hyphenation_decompounder",
    "keep",
    "keep_types",
    "keyword_marker",
    "pattern_capture",
    "pattern_replace",
    "predicate_token_filter",
    "stemmer_override",
    "synonym",
    "synonym_graph",
];

const CHAR_FILTERS: &[&str] =
    &["first_line_with_letters", "first_non_blank_line", "html_strip", "mapping", "pattern_replace"];

const SET_CHAR_FILTERS: &[&str] = &["mapping", "pattern_replace"];

/// Filters that make one word of one word, as normalizers need them.
const NORMALIZING: &[&str] = &[
    "arabic_normalization",
    "asciifolding",
    "bengali_normalization",
    "cjk_width",
    "decimal_digit",
    "elision",
    "german_normalization",
    "hindi_normalization",
    "indic_normalization",
    "lowercase",
    "pattern_replace",
    "persian_normalization",
    "scandinavian_folding",
    "scandinavian_normalization",
    "serbian_normalization",
    "sorani_normalization",
    "trim",
    "truncate",
    "uppercase",
];

const NORMALIZING_CHARS: &[&str] = &["mapping", "pattern_replace"];

const SIMILARITIES: &[&str] = &["BM25", "boolean"];

const SIMILARITY_TYPES: &[&str] =
    &["BM25", "DFI", "DFR", "IB", "LMDirichlet", "LMJelinekMercer", "boolean", "scripted"];

/// The analysis of an index, as its flat settings have it.
#[derive(Clone, Copy)]
pub(crate) struct Analysis<'s> {
    settings: &'s Map<String, Value>,
    /// Whether every name leads to something, because that has been looked at before.
    is_trusted: bool,
}

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

type AnalysisGroup<'s> = BTreeMap<&'s str, BTreeMap<&'s str, &'s Value>>;

impl<'s> Analysis<'s> {
    /// The analysis that these settings set up.
    pub(crate) fn of(settings: &'s Map<String, Value>) -> Analysis<'s> {
        Analysis { settings, is_trusted: false }
    }

    /// An analysis in which every name leads to something.
    pub(crate) fn of_anything() -> Analysis<'static> {
        Analysis { settings: &NOTHING, is_trusted: true }
    }

    /// The settings that set it up.
    pub(crate) fn settings(self) -> &'s Map<String, Value> {
        self.settings
    }

    /// Whether a field may name that analyzer.
    pub(crate) fn has_analyzer(self, name: &str) -> bool {
        ANALYZERS.contains(&name) || self.is_set("analysis.analyzer.", name)
    }

    /// Whether a field may name that normalizer.
    pub(crate) fn has_normalizer(self, name: &str) -> bool {
        name == "lowercase" || self.is_set("analysis.normalizer.", name)
    }

    /// Whether a field may name that similarity.
    pub(crate) fn has_similarity(self, name: &str) -> bool {
        SIMILARITIES.contains(&name) || self.is_set("similarity.", name)
    }

    /// Looks how far the shortest and the longest part lie apart.
    fn spread(self, says: &BTreeMap<&str, &Value>) -> Result<(), AnalysisRefusal> {
        let number = |name: &str, usual: i64| text(says, name).and_then(|text| text.parse().ok()).unwrap_or(usual);
        let limit = |name: &str, usual: i64| {
            self.settings.get(name).and_then(|value| value.as_str()?.parse().ok()).unwrap_or(usual)
        };
        let (is_of_words, most, given) = match text(says, "type") {
            Some("ngram") => (false, limit("max_ngram_diff", 1), number("max_gram", 2) - number("min_gram", 1)),
            Some("shingle") => {
                let alone = i64::from(text(says, "output_unigrams") != Some("false"));
                let given = number("max_shingle_size", 2) - number("min_shingle_size", 2) + alone;
                (true, limit("max_shingle_diff", 3), given)
            }
            _ => return Ok(()),
        };
        if given > most { Err(AnalysisRefusal::TooFarApart { is_of_words, most, given }) } else { Ok(()) }
    }

    fn is_set(self, group: &str, name: &str) -> bool {
        let member = |key: &String| key.strip_prefix(group)?.strip_prefix(name)?.starts_with('.').then_some(());
        self.is_trusted || self.settings.keys().any(|key| member(key).is_some())
    }

    fn group(self, prefix: &str) -> AnalysisGroup<'s> {
        let mut found = AnalysisGroup::new();
        for (key, value) in self.settings {
            if let Some((name, member)) = key.strip_prefix(prefix).and_then(|rest| rest.split_once('.')) {
                found.entry(name).or_default().insert(member, value);
            }
        }
        found
    }

    /// Looks whether everything can be built.
    ///
    /// # Errors
    /// The first component that cannot.
    pub(crate) fn check(self) -> Result<(), AnalysisRefusal> {
        if !self.settings.keys().any(|key| key.starts_with("analysis.") || key.starts_with("similarity.")) {
            return Ok(());
        }
        let char_filters = self.group("analysis.char_filter.");
        let tokenizers = self.group("analysis.tokenizer.");
        let filters = self.group("analysis.filter.");
        let analyzers = self.group("analysis.analyzer.");
        let normalizers = self.group("analysis.normalizer.");
        types("char_filter", &char_filters, CHAR_FILTERS)?;
        types("tokenizer", &tokenizers, TOKENIZERS)?;
        types("filter", &filters, FILTERS)?;
        tokenizers.values().chain(filters.values()).try_for_each(|says| self.spread(says))?;
        for (name, says) in &analyzers {
            let name = || (*name).to_owned();
            match text(says, "type") {
                None if says.contains_key("tokenizer") => {}
                None => return Err(AnalysisRefusal::NoType { component: "analyzer", name: name() }),
                Some("custom") => {}
                Some(kind) if ANALYZERS.contains(&kind) && kind != "default" => {}
                Some(kind) => {
                    return Err(AnalysisRefusal::UnknownType {
                        component: "analyzer",
                        kind: kind.to_owned(),
                        name: name(),
                    });
                }
            }
        }
        for (name, says) in &normalizers {
            if let Some(kind) = text(says, "type").filter(|kind| !["custom", "lowercase"].contains(kind)) {
                let kind = kind.to_owned();
                return Err(AnalysisRefusal::UnknownType { component: "normalizer", kind, name: (*name).to_owned() });
            }
        }
        for (name, says) in analyzers.iter().filter(|(_, says)| matches!(text(says, "type"), None | Some("custom"))) {
            let missing = |component, part: &str| AnalysisRefusal::NotFound {
                whole: "Analyzer",
                name: (*name).to_owned(),
                component,
                part: part.to_owned(),
            };
            let Some(tokenizer) = text(says, "tokenizer") else {
                return Err(AnalysisRefusal::NoTokenizer { name: (*name).to_owned() });
            };
            if !tokenizers.contains_key(tokenizer) && !TOKENIZERS.contains(&tokenizer) {
                return Err(missing("tokenizer", tokenizer));
            }
            for part in list(says, "char_filter") {
                if !is_there(&part, &char_filters, CHAR_FILTERS, SET_CHAR_FILTERS) {
                    return Err(missing("char_filter", &part));
                }
            }
            for part in list(says, "filter") {
                if !is_there(&part, &filters, FILTERS, SET_FILTERS) {
                    return Err(missing("filter", &part));
                }
            }
        }
        for (name, says) in normalizers.iter().filter(|(_, says)| text(says, "type") != Some("lowercase")) {
            let name = || (*name).to_owned();
            if says.contains_key("tokenizer") {
                return Err(AnalysisRefusal::NormalizerTokenizer { name: name() });
            }
            let missing = |component, part: String| AnalysisRefusal::NotFound {
                whole: "normalizer",
                name: name(),
                component,
                part,
            };
            for part in list(says, "char_filter") {
                if !is_there(&part, &char_filters, CHAR_FILTERS, SET_CHAR_FILTERS) {
                    return Err(missing("char_filter", part));
                }
                if !normalizes(&part, &char_filters, NORMALIZING_CHARS) {
                    return Err(AnalysisRefusal::NormalizerPart { name: name(), component: "char filter", part });
                }
            }
            for part in list(says, "filter") {
                if !is_there(&part, &filters, FILTERS, SET_FILTERS) {
                    return Err(missing("filter", part));
                }
                if !normalizes(&part, &filters, NORMALIZING) {
                    return Err(AnalysisRefusal::NormalizerPart { name: name(), component: "filter", part });
                }
            }
        }
        if analyzers.contains_key("default_index") {
            return Err(AnalysisRefusal::DefaultIndex);
        }
        if let Some(name) = analyzers.keys().find(|name| name.starts_with('_')) {
            return Err(AnalysisRefusal::Underscore { name: (*name).to_owned() });
        }
        for (name, says) in &self.group("similarity.") {
            if SIMILARITIES.contains(name) {
                return Err(AnalysisRefusal::BuiltInSimilarity { name: (*name).to_owned() });
            }
            let kind = text(says, "type");
            if !kind.is_some_and(|kind| SIMILARITY_TYPES.contains(&kind)) {
                return Err(AnalysisRefusal::SimilarityType {
                    name: (*name).to_owned(),
                    kind: kind.map(str::to_owned),
                });
            }
        }
        Ok(())
    }
}

fn types(component: &'static str, group: &AnalysisGroup<'_>, known: &[&str]) -> Result<(), AnalysisRefusal> {
    for (name, says) in group {
        let name = (*name).to_owned();
        match text(says, "type") {
            None => return Err(AnalysisRefusal::NoType { component, name }),
            Some(kind) if known.contains(&kind) => {}
            Some(kind) => return Err(AnalysisRefusal::UnknownType { component, kind: kind.to_owned(), name }),
        }
    }
    Ok(())
}

fn is_there(part: &str, set: &AnalysisGroup<'_>, known: &[&str], only_set: &[&str]) -> bool {
    set.contains_key(part) || (known.contains(&part) && !only_set.contains(&part))
}

fn normalizes(part: &str, set: &AnalysisGroup<'_>, normalizing: &[&str]) -> bool {
    let kind = set.get(part).and_then(|says| text(says, "type")).unwrap_or(part);
    normalizing.contains(&kind)
}

fn text<'s>(says: &BTreeMap<&str, &'s Value>, member: &str) -> Option<&'s str> {
    says.get(member).and_then(|value| value.as_str())
}

/// The names of a list, which may be a text with commas.
fn list(says: &BTreeMap<&str, &Value>, member: &str) -> Vec<String> {
    match says.get(member) {
        Some(Value::Array(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        Some(Value::String(text)) => {
            text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::index::settings::flat;
    use crate::profile::Profile;
    use serde_json::json;

    #[test]
    fn analysis_is_built_from_what_is_there() {
        for (analysis, works) in [
            (json!({}), true),
            (json!({"analyzer": {"a": {"type": "custom", "tokenizer": "standard"}}}), true),
            (json!({"analyzer": {"a": {"tokenizer": "standard", "filter": ["lowercase", "asciifolding"]}}}), true),
            (json!({"analyzer": {"a": {"tokenizer": "standard", "filter": "lowercase, stop"}}}), true),
            (json!({"analyzer": {"a": {"type": "english"}}}), true),
            (json!({"analyzer": {"a": {"type": "custom", "tokenizer": "nope"}}}), false),
            (json!({"analyzer": {"a": {"filter": ["lowercase"]}}}), false),
            (json!({"analyzer": {"a": {"type": "custom", "filter": ["lowercase"]}}}), false),
            (json!({"analyzer": {"a": {"type": "nope"}}}), false),
            (json!({"analyzer": {"a": {"tokenizer": "standard", "filter": ["nope"]}}}), false),
            (json!({"analyzer": {"a": {"tokenizer": "standard", "filter": ["synonym"]}}}), false),
            (
                json!({"filter": {"s": {"type": "synonym", "synonyms": ["a,b"]}},
                    "analyzer": {"a": {"tokenizer": "standard", "filter": ["s"]}}}),
                true,
            ),
            (json!({"filter": {"s": {"type": "nope"}}}), false),
            (json!({"filter": {"s": {"synonyms": ["a,b"]}}}), false),
            (json!({"tokenizer": {"t": {"type": "ngram", "min_gram": 2}}}), true),
            (json!({"tokenizer": {"t": {"type": "ngram", "min_gram": 2, "max_gram": 3}}}), true),
            (json!({"tokenizer": {"t": {"type": "ngram", "min_gram": 2, "max_gram": 4}}}), false),
            (json!({"filter": {"f": {"type": "ngram", "max_gram": 3}}}), false),
            (json!({"filter": {"f": {"type": "edge_ngram", "max_gram": 20}}}), true),
            (json!({"filter": {"f": {"type": "shingle", "max_shingle_size": 4}}}), true),
            (json!({"filter": {"f": {"type": "shingle", "max_shingle_size": 5}}}), false),
            (json!({"filter": {"f": {"type": "shingle", "max_shingle_size": 5, "output_unigrams": false}}}), true),
            (json!({"char_filter": {"c": {"type": "nope"}}}), false),
            (json!({"normalizer": {"n": {"type": "custom", "filter": ["lowercase"]}}}), true),
            (json!({"normalizer": {"n": {"filter": ["stop"]}}}), false),
            (json!({"normalizer": {"n": {"tokenizer": "keyword"}}}), false),
            (json!({"analyzer": {"_a": {"type": "english"}}}), false),
            (json!({"analyzer": {"default_index": {"type": "english"}}}), false),
        ] {
            let settings = flat(&json!({ "analysis": analysis }), Profile::V9.release()).expect("settings");
            assert_eq!(Analysis::of(&settings).check().is_ok(), works, "{analysis}");
        }
    }
}
