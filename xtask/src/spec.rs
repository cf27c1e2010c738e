//! The specification as a value, and where it may lie.
//!
//! Elastic ships its machine-readable specification inside an npm package. Two versions of it are
//! read: the newest gives the schemas, the older one says what was different on 8.19.

use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The npm package that carries the specification.
pub const PACKAGE: &str = "@elastic/request-converter";

/// Where in the package it lies.
pub const FILE: &str = "dist/schema.json";

/// The package's licence, as SPDX writes it.
pub const LICENSE: &str = "Apache-2.0";

/// The version that the schemas are made from.
pub const VERSION_9: &str = "9.5.0";

/// The version whose departures each schema keeps under `x-8`.
pub const VERSION_8: &str = "8.19.1";

/// Printed instead of a verdict when there is nothing to compare with.
pub const NOT_AT_HAND: &str = "the specification is not at hand (cargo xtask spec brings it)";

/// One version of the specification.
pub struct Spec {
    endpoints: Vec<Value>,
    types: HashMap<String, Value>,
}

/// The two versions that the generator needs, always together.
pub struct Specs {
    /// [`VERSION_9`].
    pub nine: Spec,
    /// [`VERSION_8`].
    pub eight: Spec,
}

impl Specs {
    /// Reads both; `None` if one of them is not at hand.
    ///
    /// A path that was named, as an argument or in `ELASTIMOCK_SPEC_9` or `ELASTIMOCK_SPEC_8`, must
    /// exist: whoever names a file wants that file, not a test skipped for its absence.
    pub fn at_hand(root: &Path, nine: Option<PathBuf>, eight: Option<PathBuf>) -> Result<Option<Specs>, String> {
        let nine = locate(root, nine, "ELASTIMOCK_SPEC_9", VERSION_9);
        let eight = locate(root, eight, "ELASTIMOCK_SPEC_8", VERSION_8);
        match (nine, eight) {
            (Some(nine), Some(eight)) => Ok(Some(Specs { nine: Spec::read(&nine)?, eight: Spec::read(&eight)? })),
            _ => Ok(None),
        }
    }
}

/// The place that [`crate::fetch`] fills and `Specs::at_hand` looks at last.
pub fn shelf(root: &Path, version: &str) -> PathBuf {
    root.join("target/spec").join(version).join("schema.json")
}

fn locate(root: &Path, named: Option<PathBuf>, variable: &str, version: &str) -> Option<PathBuf> {
    named
        .or_else(|| std::env::var_os(variable).map(PathBuf::from))
        .or_else(|| Some(shelf(root, version)).filter(|path| path.exists()))
}

impl Spec {
    fn read(path: &Path) -> Result<Spec, String> {
        let complaint = |what: String| format!("{}: {what}", path.display());
        let bytes = std::fs::read(path).map_err(|error| complaint(error.to_string()))?;
        let model = serde_json::from_slice(&bytes).map_err(|error| complaint(error.to_string()))?;
        Spec::from_model(model).ok_or_else(|| complaint("holds no `types` and `endpoints`".to_owned()))
    }

    /// Takes the specification from its JSON.
    pub fn from_model(mut model: Value) -> Option<Spec> {
        let Value::Array(types) = model.get_mut("types")?.take() else {
            return None;
        };
        let Value::Array(endpoints) = model.get_mut("endpoints")?.take() else {
            return None;
        };
        let types = types.into_iter().map(|definition| (key(&definition["name"]), definition)).collect();
        Some(Spec { endpoints, types })
    }

    /// The endpoints, in no order that matters.
    pub fn endpoints(&self) -> &[Value] {
        &self.endpoints
    }

    /// The endpoint of this name.
    pub fn endpoint(&self, operation: &str) -> Option<&Value> {
        self.endpoints.iter().find(|endpoint| endpoint["name"] == operation)
    }

    /// The definition of a type, by the text that [`key`] makes of its name.
    pub(crate) fn definition(&self, key: &str) -> Option<&Value> {
        self.types.get(key)
    }
}

/// A type's name in one text, namespace first: `_types:Id`.
pub(crate) fn key(name: &Value) -> String {
    let part = |part: &str| name[part].as_str().unwrap_or_default().to_owned();
    format!("{}:{}", part("namespace"), part("name"))
}
