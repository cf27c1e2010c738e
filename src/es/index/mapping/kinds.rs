//! What each type of field takes: its parameters in the order in which they are shown, the kind of their values,
//! what they are if nobody says, and which of them may change once the field is there.
//!
//! Source: Elasticsearch 9.x, the builders of the field mappers, and their generic parser and merger.

use serde_json::{Value, json};

use super::FieldType;

/// A parameter of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldParameter {
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub takes: ParameterTakes,
    /// Whether it may change once the field is there.
    pub changes: bool,
}

/// What a value is, and what it is if nobody says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ParameterTakes {
    /// True or false; shown if it is not what it would be anyway.
    Boolean(bool),
    /// True or false; shown whenever somebody says so.
    Switch(bool),
    /// A whole number, and the least that it may be.
    Integer(i64, Option<i64>),
    /// A whole number that nobody needs to say.
    MaybeInteger,
    /// A number that nobody needs to say.
    Number,
    /// One of these; the first if nobody says.
    Name(&'static [&'static str]),
    /// One of these; none if nobody says.
    MaybeName(&'static [&'static str]),
    /// The name of an analyzer.
    Analyzer,
    /// The name of a normalizer.
    Normalizer,
    /// The name of a similarity.
    Similarity,
    /// A format of dates.
    Format,
    /// A text.
    Text,
    /// Texts by name.
    Meta,
    /// A value that only the field itself understands; null counts as nothing.
    Any,
    /// An object or a list whose inside is not looked into.
    Inner,
    /// A script: Elasticsearch computes the field, this mock cannot.
    Script,
}

/// A parameter that stays as it is.
const fn fixed(name: &'static str, takes: ParameterTakes) -> FieldParameter {
    FieldParameter { name, takes, changes: false }
}

/// A parameter that may change.
const fn free(name: &'static str, takes: ParameterTakes) -> FieldParameter {
    FieldParameter { name, takes, changes: true }
}

use ParameterTakes::{
    Analyzer, Any, Boolean, Format, Inner, Integer, MaybeInteger, MaybeName, Meta, Name, Normalizer, Number, Script,
    Similarity, Switch, Text,
};

const INDEX: FieldParameter = fixed("index", Boolean(true));
const STORE: FieldParameter = fixed("store", Boolean(false));
const DOC_VALUES: FieldParameter = fixed("doc_values", Boolean(true));
const NULL_VALUE: FieldParameter = fixed("null_value", Any);
const IGNORE_MALFORMED: FieldParameter = free("ignore_malformed", Switch(false));
const IGNORE_Z: FieldParameter = free("ignore_z_value", Switch(true));
const COERCE: FieldParameter = free("coerce", Switch(true));
const META: FieldParameter = free("meta", Meta);
const SCRIPT: FieldParameter = fixed("script", Script);
const ON_SCRIPT_ERROR: FieldParameter = free("on_script_error", Name(&["fail", "continue"]));
const DIMENSION: FieldParameter = fixed("time_series_dimension", Boolean(false));
const METRIC: FieldParameter = fixed("time_series_metric", MaybeName(&["gauge", "counter"]));
const ORDINALS: FieldParameter = free("eager_global_ordinals", Boolean(false));
const IGNORE_ABOVE: FieldParameter = free("ignore_above", Integer(2_147_483_647, Some(0)));
const TEXT_OPTIONS: FieldParameter = fixed("index_options", Name(&["positions", "docs", "freqs", "offsets"]));
const TERM_OPTIONS: FieldParameter = fixed("index_options", Name(&["docs", "freqs"]));
const TERM_VECTOR: FieldParameter = fixed(
    "term_vector",
    Name(&[
        "no",
        "yes",
        "with_positions",
        "with_offsets",
        "with_positions_offsets",
        "with_positions_payloads",
        "with_positions_offsets_payloads",
    ]),
);
const ANALYZER: FieldParameter = fixed("analyzer", Analyzer);
const SEARCH_ANALYZER: FieldParameter = free("search_analyzer", Analyzer);
const QUOTE_ANALYZER: FieldParameter = free("search_quote_analyzer", Analyzer);
const SIMILARITY: FieldParameter = fixed("similarity", Similarity);
const FORMAT: FieldParameter = fixed("format", Format);
const LOCALE: FieldParameter = fixed("locale", Text);
const ORIENTATION: FieldParameter = free("orientation", Text);

/// Norms may be given up and never come back.
pub(super) const NORMS: &str = "norms";

const TEXT: &[FieldParameter] = &[
    INDEX,
    STORE,
    TEXT_OPTIONS,
    fixed(NORMS, Boolean(true)),
    TERM_VECTOR,
    ANALYZER,
    SEARCH_ANALYZER,
    QUOTE_ANALYZER,
    SIMILARITY,
    fixed("position_increment_gap", Integer(-1, Some(0))),
    free("fielddata", Boolean(false)),
    free("fielddata_frequency_filter", Inner),
    ORDINALS,
    fixed("index_phrases", Boolean(false)),
    fixed("index_prefixes", Inner),
    META,
];

const KEYWORD: &[FieldParameter] = &[
    INDEX,
    DOC_VALUES,
    STORE,
    NULL_VALUE,
    ORDINALS,
    IGNORE_ABOVE,
    TERM_OPTIONS,
    fixed(NORMS, Boolean(false)),
    SIMILARITY,
    fixed("normalizer", Normalizer),
    free("split_queries_on_whitespace", Boolean(false)),
    SCRIPT,
    ON_SCRIPT_ERROR,
    DIMENSION,
    META,
];

const NUMBER: &[FieldParameter] =
    &[INDEX, DOC_VALUES, STORE, IGNORE_MALFORMED, COERCE, NULL_VALUE, SCRIPT, ON_SCRIPT_ERROR, META, DIMENSION, METRIC];

const DATE: &[FieldParameter] =
    &[INDEX, DOC_VALUES, STORE, FORMAT, LOCALE, NULL_VALUE, IGNORE_MALFORMED, SCRIPT, ON_SCRIPT_ERROR, META];

const BOOLEAN: &[FieldParameter] =
    &[META, DOC_VALUES, INDEX, NULL_VALUE, STORE, SCRIPT, ON_SCRIPT_ERROR, IGNORE_MALFORMED, DIMENSION];

const IP: &[FieldParameter] =
    &[INDEX, DOC_VALUES, STORE, IGNORE_MALFORMED, NULL_VALUE, SCRIPT, ON_SCRIPT_ERROR, META, DIMENSION];

const RANGE: &[FieldParameter] = &[INDEX, DOC_VALUES, STORE, COERCE, META];

const OBJECT: &[FieldParameter] = &[
    free("dynamic", Any),
    fixed("enabled", Boolean(true)),
    fixed("subobjects", Any),
    fixed("synthetic_source_keep", Text),
];

const NESTED: &[FieldParameter] = &[
    free("dynamic", Any),
    fixed("enabled", Boolean(true)),
    fixed("include_in_parent", Boolean(false)),
    fixed("include_in_root", Boolean(false)),
    fixed("synthetic_source_keep", Text),
];

const DATE_RANGE: &[FieldParameter] = &[INDEX, DOC_VALUES, STORE, COERCE, FORMAT, LOCALE, META];

const SHAPE: &[FieldParameter] = &[INDEX, DOC_VALUES, STORE, IGNORE_MALFORMED, IGNORE_Z, COERCE, ORIENTATION, META];

/// The types beside the plain ones, each with its parameters.
const OTHERS: &[(&str, &[FieldParameter])] = &[
    (
        "aggregate_metric_double",
        &[
            IGNORE_MALFORMED,
            fixed("metrics", Inner),
            fixed("default_metric", Text),
            fixed("time_series_metric", MaybeName(&["gauge"])),
            META,
        ],
    ),
    ("alias", &[fixed("path", Text)]),
    ("binary", &[META, STORE, fixed("doc_values", Boolean(false))]),
    (
        "completion",
        &[
            ANALYZER,
            SEARCH_ANALYZER,
            fixed("preserve_separators", Boolean(true)),
            fixed("preserve_position_increments", Boolean(true)),
            free("max_input_length", Integer(50, Some(1))),
            fixed("contexts", Inner),
            META,
        ],
    ),
    ("constant_keyword", &[fixed("value", Any), META]),
    ("counted_keyword", &[INDEX, META]),
    ("date_nanos", DATE),
    ("date_range", DATE_RANGE),
    (
        "dense_vector",
        &[
            fixed("element_type", Name(&["float", "byte", "bit", "bfloat16"])),
            fixed("dims", MaybeInteger),
            INDEX,
            fixed("similarity", MaybeName(&["cosine", "dot_product", "l2_norm", "max_inner_product"])),
            free("index_options", Inner),
            META,
        ],
    ),
    ("double_range", RANGE),
    (
        "flattened",
        &[
            INDEX,
            DOC_VALUES,
            free("depth_limit", Integer(20, Some(0))),
            ORDINALS,
            IGNORE_ABOVE,
            TERM_OPTIONS,
            NULL_VALUE,
            SIMILARITY,
            free("split_queries_on_whitespace", Boolean(false)),
            free("time_series_dimensions", Inner),
            META,
        ],
    ),
    ("float_range", RANGE),
    (
        "geo_point",
        &[INDEX, DOC_VALUES, STORE, IGNORE_MALFORMED, IGNORE_Z, NULL_VALUE, SCRIPT, ON_SCRIPT_ERROR, METRIC, META],
    ),
    ("geo_shape", SHAPE),
    ("half_float", NUMBER),
    ("histogram", &[META, IGNORE_MALFORMED, COERCE, METRIC]),
    ("integer_range", RANGE),
    ("ip_range", RANGE),
    ("join", &[ORDINALS, free("relations", Inner), META]),
    ("long_range", RANGE),
    ("match_only_text", &[META]),
    ("percolator", &[META]),
    ("point", &[INDEX, DOC_VALUES, STORE, IGNORE_MALFORMED, IGNORE_Z, NULL_VALUE, META]),
    ("rank_feature", &[fixed("positive_score_impact", Boolean(true)), NULL_VALUE, META]),
    ("rank_features", &[fixed("positive_score_impact", Boolean(true)), META]),
    ("rank_vectors", &[fixed("element_type", Name(&["float", "byte", "bit"])), fixed("dims", MaybeInteger), META]),
    (
        "scaled_float",
        &[
            INDEX,
            DOC_VALUES,
            STORE,
            IGNORE_MALFORMED,
            META,
            fixed("scaling_factor", Number),
            COERCE,
            NULL_VALUE,
            METRIC,
        ],
    ),
    (
        "search_as_you_type",
        &[
            INDEX,
            STORE,
            fixed("doc_values", Boolean(false)),
            TEXT_OPTIONS,
            fixed(NORMS, Boolean(true)),
            fixed("max_shingle_size", Integer(3, Some(2))),
            ANALYZER,
            SEARCH_ANALYZER,
            QUOTE_ANALYZER,
            SIMILARITY,
            TERM_VECTOR,
            META,
        ],
    ),
    (
        "semantic_text",
        &[
            fixed("inference_id", Text),
            free("search_inference_id", Text),
            free("model_settings", Inner),
            free("index_options", Inner),
            free("chunking_settings", Inner),
            META,
        ],
    ),
    ("shape", SHAPE),
    ("sparse_vector", &[STORE, META, free("index_options", Inner)]),
    (
        "token_count",
        &[
            INDEX,
            DOC_VALUES,
            STORE,
            fixed("analyzer", Analyzer),
            NULL_VALUE,
            free("enable_position_increments", Boolean(true)),
            META,
        ],
    ),
    ("unsigned_long", &[INDEX, DOC_VALUES, STORE, IGNORE_MALFORMED, NULL_VALUE, META, DIMENSION, METRIC]),
    ("version", &[META]),
    ("wildcard", &[IGNORE_ABOVE, NULL_VALUE, META]),
];

/// The type beside the plain ones that has that name.
pub(super) fn other_type(name: &str) -> Option<&'static str> {
    OTHERS.iter().map(|(known, _)| *known).find(|known| *known == name)
}

impl FieldType {
    /// What a field of the type takes beside `type`, `fields` or `properties`, and `copy_to`.
    pub(crate) fn parameters(self) -> &'static [FieldParameter] {
        match self {
            FieldType::Object => OBJECT,
            FieldType::Nested => NESTED,
            FieldType::Text => TEXT,
            FieldType::Keyword => KEYWORD,
            FieldType::Long
            | FieldType::Integer
            | FieldType::Short
            | FieldType::Byte
            | FieldType::Double
            | FieldType::Float => NUMBER,
            FieldType::Boolean => BOOLEAN,
            FieldType::Date => DATE,
            FieldType::Ip => IP,
            FieldType::Other(name) => {
                OTHERS.iter().find(|(known, _)| *known == name).map_or(&[], |(_, parameters)| parameters)
            }
        }
    }
}

impl FieldParameter {
    /// What the parameter is if nobody says; null if that is nothing.
    pub(crate) fn default(&self) -> Value {
        match self.takes {
            Boolean(value) | Switch(value) => json!(value),
            Integer(value, _) => json!(value),
            Name(names) => json!(names[0]),
            Analyzer | Normalizer => json!("default"),
            Meta => json!({}),
            Format => json!("strict_date_optional_time||epoch_millis"),
            MaybeInteger | Number | MaybeName(_) | Similarity | Text | Any | Inner | Script => Value::Null,
        }
    }

    /// Whether a value that was given is shown.
    pub(crate) fn shows(&self, value: &Value) -> bool {
        matches!(self.takes, Switch(_)) || *value != self.default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_has_a_parameter_twice_and_each_is_found_by_its_name() {
        let plain = crate::es::index::mapping::TYPES.iter().map(|(_, kind)| *kind);
        for kind in plain.chain(OTHERS.iter().map(|(name, _)| FieldType::Other(name))) {
            assert_eq!(FieldType::named(kind.name()), Some(kind));
            let mut names: Vec<_> = kind.parameters().iter().map(|parameter| parameter.name).collect();
            names.sort_unstable();
            let before = names.len();
            names.dedup();
            assert_eq!(names.len(), before, "{kind:?}");
        }
    }
}
