//! The specification's types as JSON Schema.
//!
//! A type that is only another word for a string or a number is written out where it is used. What
//! has a shape of its own (an object, an enum, a union) goes to `$defs` once and is referred to.
//!
//! A request is closed, an answer is open: Elasticsearch refuses a field it does not know, and a
//! client must bear one it does not know. So an object that occurs on both sides is defined twice.

use crate::spec::{self, Spec};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Which way an object travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// To the server, which refuses fields it does not know.
    Request,
    /// To the client, which must put up with them.
    Response,
}

/// What the type parameters in scope stand for, by their key.
type Arguments = BTreeMap<String, Value>;

/// Turns types into schemas, and gathers the named ones on the way.
pub struct Shapes<'a> {
    spec: &'a Spec,
    side: Side,
    // Whether members are told by their JSON type only.
    rough: bool,
    defs: Map<String, Value>,
    names: BTreeMap<(String, Side), String>,
    // Generic types being written out at this moment: one that contains itself has no finite form.
    open: Vec<String>,
}

impl<'a> Shapes<'a> {
    /// Begins with a request; nothing defined yet.
    pub fn new(spec: &'a Spec) -> Self {
        Shapes { spec, side: Side::Request, rough: false, defs: Map::new(), names: BTreeMap::new(), open: Vec::new() }
    }

    /// From here on, objects travel this way.
    pub fn turn(&mut self, side: Side) {
        self.side = side;
    }

    /// From here on, members of objects are told by their JSON type only, and nothing gets a name.
    pub fn roughly(&mut self) {
        self.rough = true;
    }

    /// The named types met so far, in the order in which they were met.
    pub fn into_defs(self) -> Map<String, Value> {
        self.defs
    }

    /// An object with these properties, closed or open as its side demands.
    pub fn object<'p>(&mut self, properties: impl Iterator<Item = &'p Value>) -> Result<Value, String> {
        let mut members = Members::default();
        self.add_properties(&mut members, properties, &Arguments::new())?;
        Ok(members.into_schema(self.side))
    }

    /// The schema of a value in the place of a body.
    pub fn body(&mut self, value: &Value) -> Result<Value, String> {
        self.value(value, &Arguments::new())
    }

    fn value(&mut self, value: &Value, arguments: &Arguments) -> Result<Value, String> {
        Ok(match value["kind"].as_str() {
            Some("instance_of") => self.instance(value, arguments)?,
            Some("array_of") => {
                json!({ "type": "array", "items": self.value(&value["value"], arguments)? })
            }
            Some("dictionary_of") => {
                let values = self.value(&value["value"], arguments)?;
                let mut schema = json!({ "type": "object", "additionalProperties": values });
                if value["singleKey"] == true {
                    schema["minProperties"] = json!(1);
                    schema["maxProperties"] = json!(1);
                }
                schema
            }
            Some("union_of") => {
                let items =
                    list(&value["items"]).map(|item| self.value(item, arguments)).collect::<Result<Vec<_>, _>>()?;
                json!({ "anyOf": items })
            }
            Some("literal_value") => json!({ "const": value["value"] }),
            Some("user_defined_value") => json!({}),
            _ => return Err(format!("unknown kind of value: {value}")),
        })
    }

    fn instance(&mut self, value: &Value, arguments: &Arguments) -> Result<Value, String> {
        let key = spec::key(&value["type"]);
        if let Some(argument) = arguments.get(&key) {
            return Ok(argument.clone());
        }
        if let Some(scalar) = scalar(&key) {
            return Ok(scalar);
        }
        let spec = self.spec;
        let Some(definition) = spec.definition(&key) else {
            // A type parameter that nobody has bound: a document, a hit's source. It may be anything.
            return Ok(json!({}));
        };
        let inner = self.arguments(definition, value, arguments)?;
        if inner.is_empty() && has_a_shape(definition) && !self.rough {
            return self.named(key, definition);
        }
        if self.open.contains(&key) {
            return Ok(json!({}));
        }
        self.open.push(key);
        let schema = self.definition(definition, &inner);
        self.open.pop();
        schema
    }

    /// Binds a definition's type parameters to what this use of it gives them.
    fn arguments(&mut self, definition: &Value, usage: &Value, arguments: &Arguments) -> Result<Arguments, String> {
        list(&definition["generics"])
            .zip(list(&usage["generics"]))
            .map(|(name, value)| Ok((spec::key(name), self.value(value, arguments)?)))
            .collect()
    }

    fn named(&mut self, key: String, definition: &Value) -> Result<Value, String> {
        // An enum is the same whichever way it goes.
        let side = match definition["kind"] == "enum" {
            true => Side::Request,
            false => self.side,
        };
        let known = (key, side);
        if let Some(name) = self.names.get(&known) {
            return Ok(reference(name));
        }
        let name = self.free_name(&known.0);
        self.names.insert(known, name.clone());
        // The place is taken before the shape is known, so that a type may contain itself.
        self.defs.insert(name.clone(), Value::Null);
        let open = std::mem::take(&mut self.open);
        let schema = self.definition(definition, &Arguments::new())?;
        self.open = open;
        self.defs[&name] = schema;
        Ok(reference(&name))
    }

    /// The short name, unless another type has it. The answer's edition of a type that the request
    /// has named already is called after that.
    fn free_name(&self, key: &str) -> String {
        let (_, short) = key.split_once(':').unwrap_or(("", key));
        match self.names.get(&(key.to_owned(), Side::Request)) {
            Some(twin) => format!("{twin}.response"),
            None if self.defs.contains_key(short) => key.replace(':', "."),
            None => short.to_owned(),
        }
    }

    fn definition(&mut self, definition: &Value, arguments: &Arguments) -> Result<Value, String> {
        match definition["kind"].as_str() {
            Some("enum") => Ok(enumeration(definition)),
            Some("type_alias") => self.value(&definition["type"], arguments),
            Some("interface") => {
                let mut members = Members::default();
                self.add_members(&mut members, definition, arguments)?;
                let shortcut =
                    definition["shortcutProperty"].as_str().and_then(|name| members.properties.get(name).cloned());
                let schema = members.into_schema(self.side);
                Ok(match shortcut {
                    Some(shortcut) => json!({ "anyOf": [shortcut, schema] }),
                    None => schema,
                })
            }
            _ => Err(format!("unknown kind of type: {}", definition["name"])),
        }
    }

    /// The value of a member: all of it, or roughly.
    fn member(&mut self, value: &Value, arguments: &Arguments) -> Result<Value, String> {
        match self.rough {
            true => self.rough(value),
            false => self.value(value, arguments),
        }
    }

    /// A value's JSON type, or its names if it is an enumeration; what it is made of stays open.
    fn rough(&self, value: &Value) -> Result<Value, String> {
        Ok(match value["kind"].as_str() {
            Some("array_of") => json!({ "type": "array" }),
            Some("dictionary_of") => json!({ "type": "object" }),
            Some("union_of") => {
                let items = list(&value["items"]).map(|item| self.rough(item)).collect::<Result<Vec<_>, _>>()?;
                any_of(items)
            }
            Some("literal_value") => json!({ "const": value["value"] }),
            Some("user_defined_value") => json!({}),
            Some("instance_of") => {
                let key = spec::key(&value["type"]);
                match (scalar(&key), self.spec.definition(&key)) {
                    (Some(scalar), _) => scalar,
                    (None, None) => json!({}),
                    (None, Some(definition)) => self.rough_definition(definition)?,
                }
            }
            _ => return Err(format!("unknown kind of value: {value}")),
        })
    }

    fn rough_definition(&self, definition: &Value) -> Result<Value, String> {
        Ok(match definition["kind"].as_str() {
            Some("enum") => enumeration(definition),
            Some("type_alias") => self.rough(&definition["type"])?,
            Some("interface") => {
                let shortcut = list(&definition["properties"])
                    .find(|property| property["name"] == definition["shortcutProperty"])
                    .map(|property| self.rough(&property["type"]))
                    .transpose()?;
                any_of(shortcut.into_iter().chain([json!({ "type": "object" })]))
            }
            _ => return Err(format!("unknown kind of type: {}", definition["name"])),
        })
    }

    /// Adds an interface's members, the inherited ones first.
    fn add_members(&mut self, members: &mut Members, definition: &Value, arguments: &Arguments) -> Result<(), String> {
        let spec = self.spec;
        let ancestor = &definition["inherits"];
        if let Some(parent) = spec.definition(&spec::key(&ancestor["type"])) {
            let inner = self.arguments(parent, ancestor, arguments)?;
            self.add_members(members, parent, &inner)?;
        }
        self.add_properties(members, list(&definition["properties"]), arguments)?;
        for behavior in list(&definition["behaviors"]) {
            if let Some("AdditionalProperties" | "AdditionalProperty") = behavior["type"]["name"].as_str() {
                members.additional = Some(self.member(&behavior["generics"][1], arguments)?);
            }
        }
        Ok(())
    }

    fn add_properties<'p>(
        &mut self,
        members: &mut Members,
        properties: impl Iterator<Item = &'p Value>,
        arguments: &Arguments,
    ) -> Result<(), String> {
        for property in properties.filter(|property| is_in_the_stack(property)) {
            let name = text(&property["name"]);
            let schema = self.member(&property["type"], arguments)?;
            // The server reads a field under any of its names, and writes it under the first.
            let aliases: Vec<_> = match self.side {
                Side::Request => list(&property["aliases"]).map(text).collect(),
                Side::Response => Vec::new(),
            };
            // With two names to choose from, neither of them is required.
            if property["required"] == true && aliases.is_empty() {
                members.required.insert(name.clone());
            }
            for alias in aliases {
                members.properties.insert(alias, schema.clone());
            }
            members.properties.insert(name, schema);
        }
        Ok(())
    }
}

/// An object while its members are gathered.
#[derive(Default)]
struct Members {
    properties: Map<String, Value>,
    required: BTreeSet<String>,
    additional: Option<Value>,
}

impl Members {
    fn into_schema(self, side: Side) -> Value {
        // In the order of the properties: the server names missing fields as it declares them.
        let required: Vec<_> = self.properties.keys().filter(|name| self.required.contains(*name)).cloned().collect();
        let mut schema = json!({ "type": "object", "properties": self.properties });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        match (self.additional, side) {
            (Some(additional), _) => schema["additionalProperties"] = additional,
            (None, Side::Request) => schema["additionalProperties"] = json!(false),
            (None, Side::Response) => {}
        }
        schema
    }
}

/// The types that end the descent. The specification calls every number a number and tells them
/// apart by their names alone.
fn scalar(key: &str) -> Option<Value> {
    Some(match key {
        "_builtins:string" | "_builtins:binary" => json!({ "type": "string" }),
        "_builtins:boolean" => json!({ "type": "boolean" }),
        "_builtins:null" => json!({ "type": "null" }),
        "_builtins:void" | "_builtins:object" => json!({}),
        "_builtins:number" | "_types:float" | "_types:double" => json!({ "type": "number" }),
        "_types:byte" | "_types:short" | "_types:integer" | "_types:uint" => json!({ "type": "integer" }),
        "_types:long" | "_types:ulong" => json!({ "type": "integer", "format": "long" }),
        _ => return None,
    })
}

/// Whether a property is known to an Elasticsearch that one runs oneself: some are for Elastic's
/// serverless service alone.
pub fn is_in_the_stack(property: &Value) -> bool {
    let availability = &property["availability"];
    availability["serverless"].is_null() || !availability["stack"].is_null()
}

/// One of several schemas, each named once; any value, if one of them takes any.
fn any_of(schemas: impl IntoIterator<Item = Value>) -> Value {
    let mut several: Vec<Value> = Vec::new();
    for schema in schemas {
        match schema["anyOf"].as_array() {
            Some(inner) => inner.iter().for_each(|schema| add(&mut several, schema)),
            None => add(&mut several, &schema),
        }
    }
    match several.len() {
        _ if several.contains(&json!({})) => json!({}),
        1 => several.remove(0),
        _ => json!({ "anyOf": several }),
    }
}

fn add(several: &mut Vec<Value>, schema: &Value) {
    if !several.contains(schema) {
        several.push(schema.clone());
    }
}

/// Whether a type is worth a name in `$defs`. Another word for a string is not.
fn has_a_shape(definition: &Value) -> bool {
    definition["kind"] != "type_alias"
        || matches!(definition["type"]["kind"].as_str(), Some("union_of" | "array_of" | "dictionary_of"))
}

/// The names are those on the wire; the ones for code generators are left out.
fn enumeration(definition: &Value) -> Value {
    let mut names = Vec::new();
    for member in list(&definition["members"]) {
        names.push(text(&member["name"]));
        names.extend(list(&member["aliases"]).map(text));
    }
    match definition["isOpen"] == true {
        true => json!({ "anyOf": [{ "enum": names }, { "type": "string" }] }),
        false => json!({ "enum": names }),
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// The elements of a list; none, if it is absent.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
