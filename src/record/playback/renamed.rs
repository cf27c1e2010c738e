//! Ids that a sender has chosen otherwise than when the recording was made, such as digests of where a file lies:
//! a bulk tells which one stands for which, and from then on each side is told its own.

use serde_json::Value;

use super::Playback;
use super::key::RequestKey;
use crate::http::Response;
use crate::limits::PLAYBACK_RENAMED_MAX;

impl Playback {
    /// Puts an answer into the order and the ids of the request.
    pub(super) fn rename_in_answer(&mut self, key: &RequestKey, lane: usize, call: usize, response: &mut Response) {
        let order = self.learn(key, lane, call);
        if order.is_none() && self.sent_names.is_empty() {
            return;
        }
        let Some(mut body) = response.body_json() else { return };
        let before = body.clone();
        if let Some(order) = order
            && let Some(Value::Array(items)) = body.get_mut("items")
            && items.len() == order.len()
        {
            let mut sorted: Vec<(usize, Value)> = order.into_iter().zip(std::mem::take(items)).collect();
            sorted.sort_by_key(|(at, _)| *at);
            *items = sorted.into_iter().map(|(_, item)| item).collect();
        }
        self.tell_sent(&mut body);
        if body != before {
            response.body = body.to_string().into();
        }
    }

    /// Learns from a bulk which sent id stands for which recorded one. Where the actions stand in another order: the
    /// place of each recorded one in what was sent.
    fn learn(&mut self, key: &RequestKey, lane: usize, call: usize) -> Option<Vec<usize>> {
        if key.actions().is_empty() || self.lanes[lane].exact_of(call) == key.exact() {
            return None;
        }
        let request = &self.recording.interactions[call].request;
        let recorded = RequestKey::anywhere(request, &self.volatile, &Default::default());
        if recorded.actions().len() != key.actions().len() {
            return None;
        }
        let mut order = vec![0; key.actions().len()];
        for (one, other) in recorded.actions().iter().zip(key.actions()) {
            order[one.at] = other.at;
            if let (Some(recorded), Some(sent)) = (&one.id, &other.id)
                && recorded != sent
                && self.renamed.len() < PLAYBACK_RENAMED_MAX
            {
                self.renamed.insert(sent.clone(), recorded.clone());
                self.sent_names.insert(recorded.clone(), sent.clone());
            }
        }
        Some(order)
    }

    fn tell_sent(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(sent) = self.sent_names.get(text.as_str()) {
                    text.clone_from(sent);
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.tell_sent(element)),
            Value::Object(members) => members.values_mut().for_each(|member| self.tell_sent(member)),
            _ => {}
        }
    }
}
