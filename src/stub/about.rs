//! [`StubbedRequest`]: a request as stubs look at it, and whose call it is.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;

use crate::es::store::{CONNECTORS, Cluster, SYNC_JOBS};
use crate::es::subject::PathSubject;
use crate::http::{Request, values_of};
use crate::target::decoded;

/// A request as stubs look at it. Parts that no stub asks for are not read.
pub(crate) struct StubbedRequest<'a> {
    /// The request.
    pub request: &'a Request,
    /// The request as it may be told: masked.
    pub shown: &'a Request,
    /// The operation of Elasticsearch that it names.
    pub operation: Option<&'a str>,
    /// What the path's placeholders stand for, decoded.
    pub path: &'a [(&'static str, Cow<'a, str>)],
    /// The state that it meets; none in playback.
    pub cluster: Option<&'a Cluster>,
    query: OnceCell<Vec<(String, String)>>,
    body: OnceCell<Vec<Value>>,
    about: OnceCell<About>,
}

/// Whose call it is.
#[derive(Debug, Default)]
pub(crate) struct About {
    /// The sync jobs.
    pub jobs: Vec<String>,
    /// The connectors.
    pub connectors: Vec<String>,
    /// The indices.
    pub indices: Vec<String>,
    /// The workers.
    pub workers: Vec<String>,
    /// The statuses of the jobs; of a call about no job, of the connectors.
    pub states: Vec<String>,
}

impl<'a> StubbedRequest<'a> {
    /// A request; `shown` is the same, masked.
    pub(crate) fn new(
        request: &'a Request,
        shown: &'a Request,
        operation: Option<&'a str>,
        path: &'a [(&'static str, Cow<'a, str>)],
        cluster: Option<&'a Cluster>,
    ) -> StubbedRequest<'a> {
        let (query, body, about) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        StubbedRequest { request, shown, operation, path, cluster, query, body, about }
    }

    /// The parameters of the query, decoded.
    pub(crate) fn query(&self) -> &[(String, String)] {
        self.query.get_or_init(|| {
            let owned = |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into_owned());
            self.request.parameters().map(owned).collect()
        })
    }

    /// The values of the body: one of a JSON body, one for each line of a body of lines.
    pub(crate) fn body(&self) -> &[Value] {
        self.body.get_or_init(|| values_of(self.request.body()))
    }

    /// The segments of the path, decoded.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Cow<'a, str>> {
        self.request.path().split('/').skip(1).map(|segment| decoded(segment, false))
    }

    /// Whose call it is.
    pub(crate) fn about(&self) -> &About {
        self.about.get_or_init(|| self.look())
    }

    fn look(&self) -> About {
        let mut about = About::default();
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let given = |id: &str| (!id.is_empty() && !id.starts_with('_')).then(|| id.to_owned());
        let mut index_of_path = None;
        match PathSubject::of(self.request.path()) {
            PathSubject::SyncJob(id) => about.jobs.extend(given(&id)),
            PathSubject::SyncJobs => about.connectors.extend(self.body().first().and_then(|body| text(body, "id"))),
            PathSubject::Connector(id) => about.connectors.extend(given(&id)),
            PathSubject::Document { index, id } => about.note_all(&index, id.as_deref().unwrap_or_default()),
            PathSubject::Index(index) => {
                about.note_all(&index, "");
                index_of_path = Some(index.into_owned());
            }
            PathSubject::Connectors | PathSubject::Bulk | PathSubject::Cluster => {}
        }
        if self.operation == Some("bulk") {
            let mut lines = self.body().iter();
            while let Some(action) = lines.next().and_then(Value::as_object) {
                let Some((verb, target)) = action.iter().next() else { break };
                let index = text(target, "_index").or_else(|| index_of_path.clone()).unwrap_or_default();
                about.note(&index, &text(target, "_id").unwrap_or_default());
                if verb != "delete" {
                    lines.next();
                }
            }
        }
        about.workers.extend(
            self.body()
                .iter()
                .filter_map(|body| text(body, "worker_hostname").or_else(|| text(body.get("doc")?, "worker_hostname"))),
        );
        self.look_up(&mut about);
        about
    }

    /// What the state knows besides: whose job it is, and how things stand.
    fn look_up(&self, about: &mut About) {
        let Some(cluster) = self.cluster else { return };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        for job in &about.jobs {
            let Ok(job) = cluster.sync_job(job) else { continue };
            let connector = job.get("connector");
            about.connectors.extend(connector.and_then(|connector| text(connector.get("id"))));
            about.indices.extend(connector.and_then(|connector| text(connector.get("index_name"))));
            if about.workers.is_empty() {
                about.workers.extend(text(job.get("worker_hostname")));
            }
            about.states.extend(text(job.get("status")));
        }
        if about.jobs.is_empty() {
            for connector in &about.connectors {
                let Ok(connector) = cluster.connector(connector, true) else { continue };
                about.states.extend(text(connector.get("status")));
                about.indices.extend(text(connector.get("index_name")));
            }
        }
    }
}

impl About {
    fn note_all(&mut self, expression: &str, id: &str) {
        if !expression.starts_with('_') {
            expression.split(',').for_each(|index| self.note(index, id));
        }
    }

    fn note(&mut self, index: &str, id: &str) {
        if index.is_empty() {
            return;
        }
        let list = match index {
            ".elastic-connectors" | CONNECTORS => Some(&mut self.connectors),
            ".elastic-connectors-sync-jobs" | SYNC_JOBS => Some(&mut self.jobs),
            _ => None,
        };
        if let Some(list) = list.filter(|list| !id.is_empty() && !list.iter().any(|known| known == id)) {
            list.push(id.to_owned());
        }
        if !self.indices.iter().any(|known| known == index) {
            self.indices.push(index.to_owned());
        }
    }
}
