//! Mappings, settings and analysis that cannot be → what Elasticsearch says.
//!
//! Source: Elasticsearch 9.x, mapping parser, field mappers, dynamic templates, registry of analysis, scoped
//! settings.

use serde_json::Value;

use crate::es::error::{Exception, bad_boolean, illegal_argument};
use crate::es::index::analysis::AnalysisRefusal;
use crate::es::index::mapping::template::TemplateRefusal;
use crate::es::index::mapping::{AliasPathRefusal, FieldType, MappingRefusal};
use crate::es::index::settings::SettingRefusal;
use crate::es::words::values::bad_setting_value;

/// What the index service says of settings.
pub(super) fn bad_setting(bad: SettingRefusal) -> Exception {
    match bad {
        SettingRefusal::Unknown { name, near } => {
            let further = match near.as_slice() {
                [] => " please check that any required plugins are installed, or check the breaking changes \
                       documentation for removed settings"
                    .to_owned(),
                [only] => format!(" did you mean [{only}]?"),
                several => format!(" did you mean any of [{}]?", several.join(", ")),
            };
            illegal_argument(format!("unknown setting [{name}]{further}"))
        }
        SettingRefusal::Private { name } => Exception::new(
            "validation_exception",
            format!("Validation Failed: 1: private index setting [{name}] can not be set explicitly;"),
        ),
        SettingRefusal::Fixed { names, index, uuid, never } => {
            let names = names.join(", ");
            illegal_argument(match never {
                true => format!("final {index} setting [{names}], not updateable"),
                false => format!("Can't update non dynamic settings [[{names}]] for open indices [[{index}/{uuid}]]"),
            })
        }
        SettingRefusal::Value { name, value, why } => bad_setting_value(&name, &value, why),
        SettingRefusal::NoSoftDeletes => illegal_argument(
            "Creating indices with soft-deletes disabled is no longer supported. Please do not specify a value for \
             setting [index.soft_deletes.enabled].",
        ),
        SettingRefusal::LookupShards { given } => illegal_argument(format!(
            "index with [lookup] mode must have [index.number_of_shards] set to 1 or unset but provided {given}"
        )),
        SettingRefusal::Partition { size, shards } => illegal_argument(format!(
            "partition size [{size}] should be a positive number less than the number of shards [{shards}] for [index]"
        )),
        SettingRefusal::RoutingShards { given, shards } => illegal_argument(format!(
            "index.number_of_routing_shards [{given}] must be >= index.number_of_shards [{shards}]"
        )),
        SettingRefusal::StoreType { kind } => illegal_argument(format!("Unknown store type [{kind}]")),
        SettingRefusal::CustomPath => Exception::new(
            "validation_exception",
            "Validation Failed: 1: path.shared_data must be set in order to use custom data paths;",
        ),
        SettingRefusal::Analysis(bad) => bad_analysis(bad),
        // DIFFERENCE: some settings, which Elasticsearch minds, are refused as not supported.
        SettingRefusal::Unsupported { name, value } => Exception::new(
            "elastimock_unsupported_exception",
            format!("elastimock does not support the setting [{name}] with the value [{value}]; leave it out"),
        ),
        SettingRefusal::NoObject => Exception::new("parse_exception", "key [settings] must be an object"),
    }
}

fn bad_analysis(bad: AnalysisRefusal) -> Exception {
    illegal_argument(match bad {
        AnalysisRefusal::NoType { component, name } => {
            format!("{component} [{name}] must specify either an analyzer type, or a tokenizer")
        }
        AnalysisRefusal::UnknownType { component, kind, name } => {
            format!("Unknown {component} type [{kind}] for [{name}]")
        }
        AnalysisRefusal::TooFarApart { is_of_words: false, most, given } => format!(
            "The difference between max_gram and min_gram in NGram Tokenizer must be less than or equal to: [{most}] but \
             was [{given}]. This limit can be set by changing the [index.max_ngram_diff] index level setting."
        ),
        AnalysisRefusal::TooFarApart { is_of_words: true, most, given } => format!(
            "In Shingle TokenFilter the difference between max_shingle_size and min_shingle_size (and +1 if outputting \
             unigrams) must be less than or equal to: [{most}] but was [{given}]. This limit can be set by changing the \
             [index.max_shingle_diff] index level setting."
        ),
        AnalysisRefusal::NoTokenizer { name } => {
            format!("Custom Analyzer [{name}] must be configured with a tokenizer")
        }
        AnalysisRefusal::NotFound { whole, name, component, part } => {
            format!("Custom {whole} [{name}] failed to find {component} under name [{part}]")
        }
        AnalysisRefusal::NormalizerTokenizer { name } => {
            format!("Custom normalizer [{name}] cannot configure a tokenizer")
        }
        AnalysisRefusal::NormalizerPart { name, component, part } => {
            format!("Custom normalizer [{name}] may not use {component} [{part}]")
        }
        AnalysisRefusal::Underscore { name } => format!("analyzer name must not start with '_'. got \"{name}\""),
        AnalysisRefusal::DefaultIndex => {
            "setting [index.analysis.analyzer.default_index] is not supported anymore, use \
                                      [index.analysis.analyzer.default] instead for index [index]"
                .to_owned()
        }
        AnalysisRefusal::BuiltInSimilarity { name } => {
            format!("illegal value for [index.similarity.{name}] cannot redefine built-in similarity")
        }
        AnalysisRefusal::SimilarityType { name, kind: None } => {
            format!("Similarity [{name}] must have an associated type")
        }
        AnalysisRefusal::SimilarityType { name, kind: Some(kind) } => {
            format!("Unknown Similarity type [{kind}] for [{name}]")
        }
    })
}

/// What the mapping service says of a mapping.
pub(super) fn malformed_mapping(malformed: &MappingRefusal) -> Exception {
    match malformed {
        MappingRefusal::Twice { .. }
        | MappingRefusal::Path { .. }
        | MappingRefusal::OtherType { .. }
        | MappingRefusal::Conflicts { .. }
        | MappingRefusal::EnabledChanged { .. }
        | MappingRefusal::TooManyFields { .. }
        | MappingRefusal::TooDeep { .. }
        | MappingRefusal::Unsupported { .. } => cause(malformed),
        read => {
            let cause = cause(read);
            let reason = format!("Failed to parse mapping: {}", cause.reason.clone().unwrap_or_default());
            Exception::new("mapper_parsing_exception", reason).caused_by(cause)
        }
    }
}

/// What the one part of it says that finds the mistake.
fn cause(malformed: &MappingRefusal) -> Exception {
    let parsing = |reason: String| Exception::new("mapper_parsing_exception", reason);
    match malformed {
        MappingRefusal::NoSuchType { kind, field } => {
            parsing(format!("No handler for type [{kind}] declared on field [{}]", last(field)))
        }
        MappingRefusal::NoType { field } => parsing(format!("No type specified for field [{}]", last(field))),
        MappingRefusal::NoWayType { field } => parsing(format!("no type specified for property [{field}]")),
        MappingRefusal::NoObject { field: Some(field) } => parsing(format!(
            "Expected map for property [fields] on field [{0}] but got a class java.lang.String",
            last(field)
        )),
        MappingRefusal::NoObject { field: None } => parsing("Expected the mapping to be an object".to_owned()),
        MappingRefusal::Properties => Exception::new("parse_exception", "properties must be a map type"),
        MappingRefusal::UnknownMember { name, value } => {
            parsing(format!("Root mapping definition has unsupported parameters:  [{name} : {}]", java(value)))
        }
        MappingRefusal::UnknownMetadata { name, field } => {
            parsing(format!("unknown parameter [{name}] on metadata field [{field}]"))
        }
        MappingRefusal::UnknownObjectParameters { field, parameters } => {
            let listed: String =
                parameters.iter().map(|(name, value)| format!(" [{name} : {}]", java(value))).collect();
            parsing(format!("Mapping definition for [{field}] has unsupported parameters: {listed}"))
        }
        MappingRefusal::UnknownParameter { name, field, .. } if name == "boost" => {
            parsing(format!("Unknown parameter [boost] on mapper [{field}]"))
        }
        MappingRefusal::UnknownParameter { name, field, kind } => {
            parsing(format!("unknown parameter [{name}] on mapper [{field}] of type [{}]", kind.name()))
        }
        MappingRefusal::NullParameter { name, field, kind } => {
            parsing(format!("[{name}] on mapper [{field}] of type [{}] must not have a [null] value", kind.name()))
        }
        MappingRefusal::NoBoolean { value, of: None } => bad_boolean(&java(value)),
        MappingRefusal::NoBoolean { value, of: Some(of) } => {
            illegal_argument(format!("Could not convert [{of}] to boolean")).caused_by(bad_boolean(&java(value)))
        }
        MappingRefusal::NoInteger { value } => {
            Exception::new("number_format_exception", format!("For input string: \"{}\"", java(value)))
        }
        MappingRefusal::NotPositive { name: "max_shingle_size", value } => {
            illegal_argument(format!("[max_shingle_size] must be at least [2] and at most [4], got [{value}]"))
        }
        MappingRefusal::NotPositive { name, value } => {
            illegal_argument(format!("[{name}] must be positive, got [{value}]"))
        }
        MappingRefusal::UnknownName { name, value, accepted } => parsing(format!(
            "Unknown value [{value}] for field [{name}] - accepted values are [{}]",
            accepted.join(", ")
        )),
        MappingRefusal::NoSuchAnalyzer { name } => {
            illegal_argument(format!("analyzer [{name}] has not been configured in mappings"))
        }
        MappingRefusal::NoSuchNormalizer { name, field } => {
            parsing(format!("normalizer [{name}] not found for field [{field}]"))
        }
        MappingRefusal::NoSuchSimilarity { name, field } => {
            parsing(format!("Unknown Similarity type [{name}] for field [{field}]"))
        }
        MappingRefusal::Format { field, offence, .. } => {
            let inner = illegal_argument(offence.clone());
            match field.as_str() {
                "" => inner,
                field => {
                    illegal_argument(format!("Error parsing [format] on field [{field}]: {offence}")).caused_by(inner)
                }
            }
        }
        MappingRefusal::Meta { field, value } => parsing(match value {
            Value::Object(says) if says.len() > 5 => {
                format!("[meta] can't have more than 5 entries, but got {} on field [{field}]", says.len())
            }
            Value::Object(says) => {
                let odd = says.values().find(|value| !value.is_string()).unwrap_or(&Value::Null);
                format!("[meta] values can only be strings, but got {}[{}] for field [{field}]", class(odd), java(odd))
            }
            other => format!("[meta] must be an object, got {}[{}] for field [{field}]", class(other), java(other)),
        }),
        MappingRefusal::Missing { name } => illegal_argument(format!("Field [{name}] is required")),
        MappingRefusal::NoFactor { value } => {
            let number = value.as_f64().map_or_else(|| java(value), |number| format!("{number:?}"));
            illegal_argument(format!("[scaling_factor] must be a positive number, got [{number}]"))
        }
        MappingRefusal::EmptyName => illegal_argument("field name cannot be an empty string"),
        MappingRefusal::BlankName => illegal_argument("field name cannot contain only whitespaces"),
        MappingRefusal::Dimensions { given, most } => {
            parsing(format!("The number of dimensions should be in the range [1, {most}] but was [{given}]"))
        }
        MappingRefusal::NullValue { value, kind: FieldType::Long } => {
            illegal_argument(format!("For input string: \"{}\"", java(value)))
        }
        MappingRefusal::NullValue { value, .. } => {
            Exception::new("number_format_exception", format!("For input string: \"{}\"", java(value)))
        }
        MappingRefusal::Twice { field } => parsing(format!("Field [{field}] is defined more than once")),
        MappingRefusal::WayType { kind } => parsing(format!("Type [{}] cannot be used in multi field", kind.name())),
        MappingRefusal::WayName { name, field } => {
            parsing(format!("Field name [{name}] which is a multi field of [{field}] cannot contain '.'"))
        }
        MappingRefusal::WayCopies { field } => parsing(format!(
            "copy_to in multi fields is not allowed. Found the copy_to in field [{field}] which is within a multi \
             field."
        )),
        MappingRefusal::NoPath { field } => {
            parsing(format!("The [path] property must be specified for field [{field}]."))
        }
        MappingRefusal::Path { field, path, offence } => {
            let offence = match offence {
                AliasPathRefusal::Itself => "an alias cannot refer to itself.",
                AliasPathRefusal::Missing => "an alias must refer to an existing field in the mappings.",
                AliasPathRefusal::Alias => "an alias cannot refer to another alias.",
            };
            parsing(format!("Invalid [path] value [{path}] for field alias [{field}]: {offence}"))
        }
        MappingRefusal::Template(bad) => bad_template(bad),
        MappingRefusal::OtherType { field, from, to } => illegal_argument(match (from.name(), to.name()) {
            ("object", "nested") => format!("can't merge a nested mapping [{field}] with a non-nested mapping"),
            ("nested", "object") => format!("can't merge a non-nested mapping [{field}] with a nested mapping"),
            _ if from.is_object() || to.is_object() => {
                format!("can't merge a non object mapping [{field}] with an object mapping")
            }
            (from, to) => format!("mapper [{field}] cannot be changed from type [{from}] to [{to}]"),
        }),
        MappingRefusal::Conflicts { field, parameters } => {
            let listed: String = parameters
                .iter()
                .map(|(name, from, to)| format!("\n\tCannot update parameter [{name}] from [{from}] to [{to}]"))
                .collect();
            illegal_argument(format!("Mapper for [{field}] conflicts with existing mapper:{listed}"))
        }
        MappingRefusal::EnabledChanged { field } => Exception::new(
            "mapper_exception",
            format!("the [enabled] parameter can't be updated for the object mapping [{field}]"),
        ),
        MappingRefusal::TooManyFields { added, limit } => illegal_argument(format!(
            "Limit of total fields [{limit}] has been exceeded while adding new fields [{added}]"
        )),
        MappingRefusal::TooDeep { field, limit } => illegal_argument(format!(
            "Limit of mapping depth [{limit}] has been exceeded due to object field [{field}]"
        )),
        // DIFFERENCE: some members of mappings, which Elasticsearch has, are refused as not supported.
        MappingRefusal::Unsupported { what } => Exception::new(
            "elastimock_unsupported_exception",
            format!("elastimock does not support {what}; leave them out, or name each field in `properties`"),
        ),
    }
}

fn bad_template(bad: &TemplateRefusal) -> Exception {
    let parsing = |reason: String| Exception::new("mapper_parsing_exception", reason);
    match bad {
        TemplateRefusal::NoList => {
            parsing("Dynamic template syntax error. An array of named objects is expected.".to_owned())
        }
        TemplateRefusal::NoName => parsing("A dynamic template must be defined with a name".to_owned()),
        TemplateRefusal::UnknownMember { name } => {
            illegal_argument(format!("Illegal dynamic template parameter: [{name}]"))
        }
        TemplateRefusal::NoMapping { name } => {
            parsing(format!("template [{name}] must have either mapping or runtime set"))
        }
        TemplateRefusal::NoPattern { member, value } => {
            parsing(format!("[{member}] values must either be a string or list of strings, but was [{}]", java(value)))
        }
        TemplateRefusal::UnknownLooks { name } => illegal_argument(format!(
            "No field type matched on [{name}], possible values are [object, string, long, double, boolean, date, \
             binary]"
        )),
        TemplateRefusal::UnknownMatching { name } => {
            illegal_argument(format!("No matching pattern matched on [{name}]"))
        }
        TemplateRefusal::Invalid { name, content, looks, cause: inner } => illegal_argument(format!(
            "dynamic template [{name}] has invalid content [{content}], attempted to validate it with the following \
             match_mapping_type: [{}]",
            looks.join(", ")
        ))
        .caused_by(cause(inner)),
    }
}

/// The last part of a path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// A value as Java prints a map or a list.
pub(super) fn java(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}={}", java(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(java).collect::<Vec<_>>().join(", ")),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The name of the class that Java has for a value.
fn class(value: &Value) -> &'static str {
    match value {
        Value::Number(number) if number.is_f64() => "Double",
        Value::Number(_) => "Integer",
        Value::Bool(_) => "Boolean",
        Value::String(_) => "String",
        Value::Array(_) => "ArrayList",
        Value::Object(_) => "LinkedHashMap",
        Value::Null => "null",
    }
}
