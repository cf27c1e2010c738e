//! How a lane reads, and that nothing is lost: whoever reads on from the top has every document whole.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn get(target: &str, answer: Value) -> Value {
    json!({ "call": format!("GET {target}"), "status": 200, "answer": answer })
}

fn answers(calls: &[Value]) -> Vec<Value> {
    compact(calls).into_iter().map(|call| call["answer"].clone()).collect()
}

fn job(id: &str, status: &str) -> Value {
    let connector =
        json!({ "id": "crm", "index_name": "search-crm", "service_type": "postgresql", "configuration": {} });
    json!({ "id": id, "connector": connector, "status": status, "job_type": "full", "metadata": {}, "trigger_method": "on_demand" })
}

#[test]
fn a_document_that_is_read_again_shows_what_has_changed() {
    let mut ended = job("job-1", "error");
    ended["connector"]["status"] = "error".into();
    ended["error"] = "disk full".into();
    ended.as_object_mut().expect("an object").shift_remove("metadata");
    let calls = [job("job-1", "pending"), job("job-1", "in_progress"), job("job-1", "in_progress"), ended];
    let shown = answers(&calls.map(|job| get("/_connector/_sync_job/job-1", job)));
    assert_eq!(shown[0], job("job-1", "pending"));
    assert_eq!(shown[1], json!({ "id": "job-1", "status": "in_progress", "…": "as before" }));
    assert_eq!(shown[2], json!({ "id": "job-1", "…": "as before" }));
    assert_eq!(
        shown[3],
        json!({
            "id": "job-1", "connector": { "status": "error" }, "status": "error", "error": "disk full",
            "…": "as before, without metadata",
        })
    );
}

#[test]
fn documents_of_a_list_are_known_by_their_ids() {
    let list = |jobs: Vec<Value>| json!({ "count": jobs.len(), "results": jobs });
    let shown = answers(&[
        get("/_connector/_sync_job?status=pending", list(vec![job("job-1", "pending"), job("job-2", "pending")])),
        get("/_connector/_sync_job?status=in_progress", list(vec![job("job-2", "in_progress")])),
        get("/_connector/_sync_job?status=pending", list(vec![job("job-1", "pending"), job("job-3", "pending")])),
        get("/_connector/_sync_job?status=pending", list(vec![job("job-1", "pending"), job("job-3", "pending")])),
    ]);
    let with_known_connector = |id: &str| {
        let mut job = job(id, "pending");
        job["connector"] = json!({ "id": "crm", "…": "as before" });
        job
    };
    assert_eq!(shown[0], list(vec![job("job-1", "pending"), with_known_connector("job-2")]));
    assert_eq!(shown[1], list(vec![json!({ "id": "job-2", "status": "in_progress", "…": "as before" })]));
    assert_eq!(shown[2], list(vec![json!({ "id": "job-1", "…": "as before" }), with_known_connector("job-3")]));
    assert_eq!(shown[3], json!({ "…": "as before" }));
}

#[test]
fn a_stored_document_is_known_wherever_it_stands() {
    let source = |seen: u32| json!({ "name": "notes", "service_type": "directory", "last_seen": seen, "a": 1, "b": 2 });
    let hit = |seen: u32| json!({ "_index": "c", "_id": "notes", "_score": 1.0, "_source": source(seen) });
    let found =
        |seen: u32| json!({ "took": 0, "timed_out": false, "hits": { "total": { "value": 1 }, "hits": [hit(seen)] } });
    let one = json!({ "_index": "c", "_id": "notes", "_version": 2, "found": true, "_source": source(3) });
    let shown = answers(&[
        get("/c/_search", found(1)),
        get("/c/_search", found(2)),
        get("/c/_doc/notes", one.clone()),
        get("/c/_search", found(3)),
        get("/c/_search", found(3)),
    ]);
    let short = |seen: Value| {
        let mut hit = hit(0);
        hit["_source"] = seen;
        hit
    };
    assert_eq!(shown[0], found(1));
    let changed = short(json!({ "last_seen": 2, "…": "as before" }));
    assert_eq!(shown[1], json!({ "hits": { "hits": [changed] }, "…": "as before" }));
    assert_eq!(shown[2]["_source"], json!({ "last_seen": 3, "…": "as before" }));
    assert_eq!(shown[2]["_version"], 2);
    let same = short(json!({ "…": "as before" }));
    assert_eq!(shown[3], json!({ "hits": { "hits": [same] }, "…": "as before" }));
    assert_eq!(shown[4], json!({ "…": "as before" }));
}

#[test]
fn small_things_are_said_again() {
    let stats = |indexed: u32| {
        json!({
            "call": "PUT /_stats", "body": { "indexed": indexed, "deleted": 0, "volume": 1 },
            "status": 200, "answer": { "result": "updated" },
        })
    };
    let calls = [stats(1), stats(2), stats(3)];
    assert_eq!(compact(&calls), calls);
}

#[test]
fn another_question_is_shown_whole() {
    let search = |query: Value| json!({ "call": "POST /i/_search", "body": { "query": query, "size": 100, "from": 0, "seq_no_primary_term": true } });
    let by_name = |name: &str| search(json!({ "term": { "name": name }, "boost": 1 }));
    let calls = [by_name("a"), search(json!({ "match_all": {} })), by_name("a"), by_name("b"), by_name("b")];
    let shown: Vec<Value> = compact(&calls).into_iter().map(|call| call["body"].clone()).collect();
    assert_eq!(shown[..3], calls[..3].iter().map(|call| call["body"].clone()).collect::<Vec<_>>());
    assert_eq!(shown[3], json!({ "query": { "term": { "name": "b" } }, "…": "as before" }));
    assert_eq!(shown[4], json!({ "…": "as before" }));
}

#[test]
fn answers_of_another_status_are_other_answers() {
    let missing =
        json!({ "call": "GET /j", "status": 404, "answer": { "error": "j", "status": 404, "reason": "gone" } });
    let there = get("/j", job("j", "pending"));
    let shown = answers(&[there.clone(), missing.clone(), there.clone(), missing.clone()]);
    assert_eq!(shown[1], missing["answer"]);
    assert_eq!(shown[2], json!({ "id": "j", "…": "as before" }));
    assert_eq!(shown[3], json!({ "…": "as before" }));
}

#[test]
fn lists_within_a_document_are_compared_by_id_or_place() {
    let rule =
        |id: &str, value: &str| json!({ "id": id, "field": "_", "policy": "include", "rule": "regex", "value": value });
    let doc = |rules: Vec<Value>, places: Vec<Value>| json!({ "id": "crm", "rules": rules, "filtering": places, "x": [1, 2] });
    let place =
        |value: &str| json!({ "domain": "DEFAULT", "active": { "value": value, "state": "valid" }, "a": 1, "b": 2 });
    let shown = answers(&[
        get("/crm", doc(vec![rule("r1", "a"), rule("r2", "b")], vec![place("x")])),
        get("/crm", doc(vec![rule("r2", "b"), rule("r1", "z"), rule("r3", "c")], vec![place("y")])),
    ]);
    assert_eq!(
        shown[1],
        json!({
            "id": "crm",
            "rules": [{ "id": "r2", "…": "as before" }, { "id": "r1", "value": "z", "…": "as before" }, rule("r3", "c")],
            "filtering": [{ "active": { "value": "y" }, "…": "as before" }],
            "…": "as before",
        })
    );
}

#[test]
fn who_has_a_member_named_like_the_mark_is_shown_whole() {
    let doc = json!({ "id": "x", "…": "mine", "a": 1, "b": 2, "c": 3 });
    assert_eq!(answers(&[get("/x", doc.clone()), get("/x", doc.clone())]), [doc.clone(), doc]);
}

// ── nothing is lost ───────────────────────────────────────────────────────────────────────────────

/// A reader who remembers what has been shown.
#[derive(Default)]
struct TranscriptReader {
    bodies: BTreeMap<String, Value>,
    documents: BTreeMap<[String; 2], Value>,
}

impl TranscriptReader {
    fn read(&mut self, place: String, shown: &Value) -> Value {
        let earlier = self.bodies.get(&place).cloned();
        let whole = match shown.as_object().filter(|shown| shown.contains_key(REST)) {
            Some(members) if members.len() == 1 && members[REST] == "as before" => earlier.expect("an earlier body"),
            Some(_) if id(shown).is_some() => merged(&earlier.expect("an earlier body"), shown),
            Some(_) => {
                let restored = self.restored("", shown);
                merged(&earlier.expect("an earlier body"), &restored)
            }
            None => match shown {
                Value::Object(members) if id(shown).is_some() => Value::Object(self.document(members)),
                _ => self.restored("", shown),
            },
        };
        self.learn("", &whole, true);
        self.bodies.insert(place, whole.clone());
        whole
    }

    /// What encloses documents, with its documents whole.
    fn restored(&mut self, list: &str, shown: &Value) -> Value {
        match shown {
            Value::Object(_) if id(shown).is_some() => {
                self.known([list.to_owned(), id(shown).unwrap_or_default().to_owned()], shown)
            }
            Value::Object(members) if is_hit(members) => {
                let key = source_key(members).expect("a key");
                let restored = members.iter().map(|(name, member)| {
                    let whole = if name == "_source" { self.known(key.clone(), member) } else { member.clone() };
                    (name.clone(), whole)
                });
                Value::Object(restored.collect())
            }
            Value::Object(members) => Value::Object(
                members.iter().map(|(name, member)| (name.clone(), self.restored(name, member))).collect(),
            ),
            Value::Array(elements) => elements.iter().map(|element| self.restored(list, element)).collect(),
            _ => shown.clone(),
        }
    }

    fn known(&mut self, key: [String; 2], shown: &Value) -> Value {
        let whole = match shown {
            Value::Object(members) if members.contains_key(REST) => merged(&self.documents[&key], shown),
            Value::Object(members) => Value::Object(self.document(members)),
            _ => shown.clone(),
        };
        self.learn(&key[0].clone(), &whole, false);
        self.documents.insert(key, whole.clone());
        whole
    }

    fn document(&mut self, members: &Map<String, Value>) -> Map<String, Value> {
        let restored = members.iter().map(|(name, member)| {
            let whole = match id(member) {
                Some(id) => self.known([name.clone(), id.to_owned()], member),
                None => member.clone(),
            };
            (name.clone(), whole)
        });
        restored.collect()
    }

    /// Remembers the documents of a body, all of them whole.
    fn learn(&mut self, list: &str, whole: &Value, is_body: bool) {
        match whole {
            Value::Object(members) if id(whole).is_some() => {
                if !is_body {
                    self.documents.insert([list.to_owned(), id(whole).unwrap_or_default().to_owned()], whole.clone());
                }
                members
                    .iter()
                    .filter(|(_, member)| id(member).is_some())
                    .for_each(|(name, member)| self.learn(name, member, false));
            }
            Value::Object(members) if is_hit(members) => {
                self.documents.insert(source_key(members).expect("a key"), members["_source"].clone());
                if let Value::Object(source) = &members["_source"] {
                    source
                        .iter()
                        .filter(|(_, member)| id(member).is_some())
                        .for_each(|(name, member)| self.learn(name, member, false));
                }
            }
            Value::Object(members) => members.iter().for_each(|(name, member)| self.learn(name, member, false)),
            Value::Array(elements) => elements.iter().for_each(|element| self.learn(list, element, false)),
            _ => {}
        }
    }
}

/// What has changed, put into what was there.
fn merged(earlier: &Value, shown: &Value) -> Value {
    match (earlier, shown) {
        (_, Value::Object(members)) if members.len() == 1 && members.get(REST) == Some(&json!("as before")) => {
            earlier.clone()
        }
        (Value::Object(before), Value::Object(members)) => {
            let mut whole = before.clone();
            let gone =
                members.get(REST).and_then(Value::as_str).and_then(|rest| rest.strip_prefix("as before, without "));
            for path in gone.into_iter().flat_map(|gone| gone.split(", ")) {
                let mut names: Vec<&str> = path.split('.').collect();
                let last = names.pop().expect("a name");
                let inner = names.iter().try_fold(&mut whole, |inner, name| inner.get_mut(*name)?.as_object_mut());
                inner.and_then(|inner| inner.shift_remove(last)).expect("a member that was there");
            }
            for (name, member) in members.iter().filter(|(name, _)| *name != REST) {
                let member = whole.get(name).map_or_else(|| member.clone(), |before| merged(before, member));
                whole.insert(name.clone(), member);
            }
            Value::Object(whole)
        }
        (Value::Array(before), Value::Array(elements)) => pairs(before, elements)
            .enumerate()
            .map(|(at, (earlier, element))| {
                let is_short = element.get(REST).is_some();
                // An element without an id that is shown by its place has the place's.
                let earlier = earlier.or(before.get(at)).filter(|_| is_short);
                earlier.map_or_else(|| element.clone(), |earlier| merged(earlier, element))
            })
            .collect(),
        _ => shown.clone(),
    }
}

fn any_document() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![Just(Value::Null), (0..3).prop_map(Value::from), "[a-c]".prop_map(Value::from)];
    let members = prop::collection::btree_map("[a-d]", scalar, 0..4).prop_map(|members| json!(members));
    let rules = prop::collection::btree_map("r[1-3]", members.clone(), 0..3).prop_map(|rules| {
        rules
            .into_iter()
            .map(|(id, mut rule)| {
                rule["id"] = id.into();
                rule
            })
            .collect::<Value>()
    });
    let places = prop::collection::vec(members.clone(), 0..3).prop_map(Value::from);
    (members.clone(), members.clone(), rules, places, prop::option::of(("c[12]", members))).prop_map(
        |(mut document, inner, rules, places, connector)| {
            document["inner"] = inner;
            document["rules"] = rules;
            document["places"] = places;
            if let Some((id, mut connector)) = connector {
                connector["id"] = id.into();
                document["connector"] = connector;
            }
            document
        },
    )
}

fn any_body() -> impl Strategy<Value = Value> {
    let with_id = |(id, mut document): (String, Value)| {
        document["id"] = id.into();
        document
    };
    let hit = |(id, source): (String, Value)| json!({ "_index": "i", "_id": id, "_source": source });
    let one = any_document().prop_map(move |document| with_id(("j1".to_owned(), document)));
    let list = prop::collection::btree_map("j[1-3]", any_document(), 0..3).prop_map(
        move |jobs| json!({ "count": jobs.len(), "results": jobs.into_iter().map(with_id).collect::<Vec<_>>() }),
    );
    let found = prop::collection::btree_map("[1-3]", any_document(), 0..3)
        .prop_map(move |hits| json!({ "took": 0, "hits": { "total": hits.len(), "hits": hits.into_iter().map(hit).collect::<Vec<_>>() } }));
    let stored = any_document().prop_map(move |source| hit(("1".to_owned(), source)));
    prop_oneof![one, list, found, stored, any_document(), Just(json!(["x", {}, []])), Just(json!("text"))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whoever_reads_on_from_the_top_has_everything(
        calls in prop::collection::vec(("[ab]", any_body(), any::<bool>()), 0..12),
    ) {
        let mut calls: Vec<Value> = calls.into_iter().map(|(path, body, again)| json!([path, body, again])).collect();
        // Every other call says what the one before said.
        for at in 1..calls.len() {
            if calls[at][2] == true {
                calls[at] = calls[at - 1].clone();
            }
        }
        let calls: Vec<Value> = calls.iter().map(|call| json!({
            "call": format!("PUT /{}?x", call[0].as_str().unwrap_or_default()), "body": call[1], "status": 200, "answer": call[1],
        })).collect();
        let mut reader = TranscriptReader::default();
        for (call, shown) in calls.iter().zip(compact(&calls)) {
            let route = call["call"].as_str().unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
            for (place, member) in [(route.clone(), "body"), (format!("200 {route}"), "answer")] {
                let read = reader.read(place, &shown[member]);
                prop_assert_eq!(&read, &call[member], "shown as {}", shown[member]);
            }
        }
    }
}
