//! What the node says of itself.

use serde_json::json;

use crate::cluster::Cluster;
use crate::rest::call::{Body, Call, Reply};
use crate::rest::error::Error;

/// `info` and `ping`. Indented unless the client says otherwise, as in the real server.
pub fn info(cluster: &mut Cluster, call: &Call) -> Result<Reply, Error> {
    let release = call.release;
    let info = json!({
        "name": "elastimock",
        "cluster_name": "elasticsearch",
        "cluster_uuid": cluster.uuid(),
        "version": {
            "number": release.number,
            "build_flavor": "default",
            "build_type": "docker",
            "build_hash": release.build_hash,
            "build_date": release.build_date,
            "build_snapshot": false,
            "lucene_version": release.lucene,
            "minimum_wire_compatibility_version": release.wire_minimum,
            "minimum_index_compatibility_version": release.index_minimum,
        },
        "tagline": "You Know, for Search",
    });
    Ok(Reply { pretty: true, ..Reply::ok(Body::Json(info)) })
}
