//! [`ById`]: values by id, found by a hash and walked in the order of their ids.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::steps::step;

/// Values by id. Who looks for one finds it at once; who walks through all meets them in the order of their
/// ids, whatever the hash is.
#[derive(Clone, Debug)]
pub(crate) struct ById<T> {
    slots: Vec<(Arc<str>, T)>,
    /// The slot of each id.
    order: BTreeMap<Arc<str>, u32>,
    /// Slots, counted from 1: each in the cell that the hash of its id names, or the next free one behind it.
    /// A cell with 0 is free; at least half of them are.
    cells: Vec<u32>,
}

impl<T> Default for ById<T> {
    fn default() -> ById<T> {
        ById { slots: Vec::new(), order: BTreeMap::new(), cells: Vec::new() }
    }
}

impl<T: PartialEq> PartialEq for ById<T> {
    fn eq(&self, other: &ById<T>) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T> ById<T> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is one with that id.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.cell(id).is_some()
    }

    /// The one with that id.
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.entry(id).map(|(_, value)| value)
    }

    /// The value with that id, and its id as it is held here.
    pub(crate) fn entry(&self, id: &str) -> Option<(&Arc<str>, &T)> {
        let (id, value) = &self.slots[self.slot(id)?];
        Some((id, value))
    }

    /// The value with that id, to be changed, and its id as it is held here.
    pub(crate) fn entry_mut(&mut self, id: &str) -> Option<(&Arc<str>, &mut T)> {
        let slot = self.slot(id)?;
        let (id, value) = &mut self.slots[slot];
        Some((id, value))
    }

    /// The place of the one with that id, until one is put in or taken out.
    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.slot(id)
    }

    /// The one at a place.
    pub(crate) fn at(&self, place: usize) -> (&Arc<str>, &T) {
        let (id, value) = &self.slots[place];
        (id, value)
    }

    /// The one at a place, to be changed.
    pub(crate) fn at_mut(&mut self, place: usize) -> (&Arc<str>, &mut T) {
        let (id, value) = &mut self.slots[place];
        (id, value)
    }

    /// The one with that id, to be changed.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.entry_mut(id).map(|(_, value)| value)
    }

    /// All, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &T)> {
        self.iter_after(None)
    }

    /// Those whose ids come after this one, or all, in the order of their ids.
    pub(crate) fn iter_after(&self, id: Option<&str>) -> impl Iterator<Item = (&Arc<str>, &T)> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.order.range::<str, _>((from, Bound::Unbounded)).map(|(_, slot)| {
            step();
            let (id, value) = &self.slots[*slot as usize];
            (id, value)
        })
    }

    /// All in no order that means anything, which is quicker.
    pub(crate) fn iter_unordered(&self) -> impl Iterator<Item = (&Arc<str>, &T)> {
        self.slots.iter().map(|(id, value)| {
            step();
            (id, value)
        })
    }

    /// All, to be changed, in no order that means anything.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().map(|(_, value)| value)
    }

    /// The first id of all.
    pub(crate) fn first(&self) -> Option<&Arc<str>> {
        self.order.first_key_value().map(|(id, _)| id)
    }

    /// Puts one in, in place of one with the same id.
    pub(crate) fn insert(&mut self, id: Arc<str>, value: T) {
        if let Some(old) = self.get_mut(&id) {
            *old = value;
            return;
        }
        if self.slots.len() == self.slots.capacity() {
            // Many mocks have a handful of each kind, and a value is large.
            self.slots.reserve_exact(self.slots.len() / 2 + 1);
        }
        self.slots.push((id.clone(), value));
        self.order.insert(id, self.slots.len() as u32 - 1);
        if self.slots.len() * 2 > self.cells.len() {
            self.spread();
        } else {
            self.place(self.slots.len() as u32);
        }
    }

    /// Puts in many at once, which is quicker than one after the other; of several with the same id the last stays.
    pub(crate) fn extend(&mut self, many: Vec<(Arc<str>, T)>) {
        let first = self.slots.len();
        let mut ids: Vec<(Arc<str>, u32)> = std::mem::take(&mut self.order).into_iter().collect();
        ids.extend(many.iter().zip(first as u32..).map(|((id, _), slot)| (id.clone(), slot)));
        // What was there and what comes are each in order as a rule, so that this is a merge.
        ids.sort();
        if ids.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            ids.retain(|(_, slot)| (*slot as usize) < first);
            self.order = ids.into_iter().collect();
            many.into_iter().for_each(|(id, value)| self.insert(id, value));
            return;
        }
        self.order = ids.into_iter().collect();
        match self.slots.is_empty() {
            // A value is large, so that it is not moved where it need not be.
            true => self.slots = many,
            false => {
                self.slots.reserve_exact(many.len());
                self.slots.extend(many);
            }
        }
        self.slots.shrink_to_fit();
        self.spread();
    }

    /// Takes out the one with that id.
    pub(crate) fn remove(&mut self, id: &str) -> Option<(Arc<str>, T)> {
        let mut gap = self.cell(id)?;
        let slot = self.cells[gap] as usize - 1;
        // What stands behind moves up, unless it would come before the cell that its hash names.
        let mut at = self.after(gap);
        while self.cells[at] != 0 {
            let home = self.home(&self.slots[self.cells[at] as usize - 1].0);
            let mask = self.cells.len() - 1;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(gap) & mask {
                self.cells[gap] = self.cells[at];
                gap = at;
            }
            at = self.after(at);
        }
        self.cells[gap] = 0;
        self.order.remove(id);
        // The last slot takes the place of this one.
        let last = self.slots.len() - 1;
        if slot < last {
            let moved = self.slots[last].0.clone();
            let cell = self.cell(&moved)?;
            self.cells[cell] = slot as u32 + 1;
            self.order.insert(moved, slot as u32);
        }
        Some(self.slots.swap_remove(slot))
    }

    /// Takes out those with these ids, which are sorted, and hands them over in no order that means anything.
    pub(crate) fn remove_all(&mut self, ids: &[Arc<str>], gone: impl FnMut((Arc<str>, T))) {
        if ids.len() * 8 < self.len() {
            return ids.iter().filter_map(|id| self.remove(id)).for_each(gone);
        }
        // So many of all: what stays is put together anew.
        let mut goes = vec![false; self.slots.len()];
        let mut stays = Vec::new();
        let mut ids = ids.iter().peekable();
        for (id, slot) in std::mem::take(&mut self.order) {
            // The same text is as a rule the same `Arc`, and then it need not be read.
            while ids.next_if(|doomed| !Arc::ptr_eq(doomed, &id) && ***doomed < *id).is_some() {}
            match ids.next_if(|doomed| Arc::ptr_eq(doomed, &id) || ***doomed == *id) {
                Some(_) => goes[slot as usize] = true,
                None => stays.push((id, slot)),
            }
        }
        let mut count = 0;
        let number = |goes: &bool| {
            count += u32::from(!goes);
            count.saturating_sub(1)
        };
        let numbers: Vec<u32> = goes.iter().map(number).collect();
        let mut at = 0;
        let doomed = self.slots.extract_if(.., |_| {
            at += 1;
            goes[at - 1]
        });
        doomed.for_each(gone);
        self.order = stays.into_iter().map(|(id, slot)| (id, numbers[slot as usize])).collect();
        self.spread();
    }

    /// Gives every slot its cell anew.
    fn spread(&mut self) {
        self.cells = vec![0; (self.slots.len() * 4).next_power_of_two()];
        (1..=self.slots.len()).for_each(|number| self.place(number as u32));
    }

    fn place(&mut self, number: u32) {
        let mut at = self.home(&self.slots[number as usize - 1].0);
        while self.cells[at] != 0 {
            at = self.after(at);
        }
        self.cells[at] = number;
    }

    fn slot(&self, id: &str) -> Option<usize> {
        self.cell(id).map(|cell| self.cells[cell] as usize - 1)
    }

    fn cell(&self, id: &str) -> Option<usize> {
        if self.cells.is_empty() {
            return None;
        }
        let mut at = self.home(id);
        loop {
            step();
            match self.cells[at] {
                0 => return None,
                number if *self.slots[number as usize - 1].0 == *id => return Some(at),
                _ => at = self.after(at),
            }
        }
    }

    fn home(&self, id: &str) -> usize {
        hash(id.as_bytes()) as usize & (self.cells.len() - 1)
    }

    fn after(&self, cell: usize) -> usize {
        (cell + 1) & (self.cells.len() - 1)
    }
}

/// A quick hash, the same in every process. Nothing depends on it but how long a search takes.
fn hash(bytes: &[u8]) -> u64 {
    // The constant of FxHash; a wide product carries what differs in the high bits down to the low ones.
    let mix = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * 0x517C_C1B7_2722_0A95;
        product as u64 ^ (product >> 64) as u64
    };
    let mut hash = bytes.len() as u64 + 1;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash, u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_that_differ_in_one_place_are_spread_over_the_cells() {
        let mut all = ById::default();
        (0..10_000).for_each(|number| all.insert(format!("job-{number:06}").into(), number));
        let way = |id: &str| all.cell(id).expect("it").wrapping_sub(all.home(id)) & (all.cells.len() - 1);
        let steps: usize = all.iter().map(|(id, _)| way(id)).sum();
        assert!(steps < 10_000, "{steps} steps for 10,000 ids");
    }

    proptest! {
        #[test]
        fn many_are_taken_out_as_one_after_the_other(count in 0_u32..60, doomed in prop::collection::vec(0_u32..60, 0..60)) {
            let mut all = ById::default();
            (0..count).for_each(|id| all.insert(format!("{id}").into(), id));
            let mut singly = all.clone();
            let mut doomed: Vec<Arc<str>> = doomed.into_iter().map(|id| format!("{id}").into()).collect();
            doomed.sort_unstable();
            let gone: BTreeMap<_, _> = doomed.iter().filter_map(|id| singly.remove(id)).collect();
            let mut gone_at_once = BTreeMap::new();
            all.remove_all(&doomed, |(id, value)| _ = gone_at_once.insert(id, value));
            prop_assert_eq!(gone_at_once, gone);
            prop_assert_eq!(&all, &singly);
            for id in 0..60 {
                let id = format!("{id}");
                prop_assert_eq!(all.get(&id), singly.get(&id));
                let behind = singly.iter().filter(|(known, _)| ***known > *id);
                prop_assert!(all.iter_after(Some(&id)).eq(behind));
            }
            all.insert("new".into(), 7);
            prop_assert_eq!(all.get("new"), Some(&7));
        }

        #[test]
        fn many_are_put_in_as_one_after_the_other(
            known in prop::collection::vec(0_u32..90, 0..20),
            many in prop::collection::vec(0_u32..90, 0..20),
        ) {
            let mut all = ById::default();
            known.iter().zip(0..).for_each(|(id, value)| all.insert(format!("{id}").into(), value));
            let mut singly = all.clone();
            let many: Vec<(Arc<str>, i32)> = many.iter().zip(100..).map(|(id, at)| (format!("{id}").into(), at)).collect();
            many.iter().for_each(|(id, value)| singly.insert(id.clone(), *value));
            all.extend(many);
            prop_assert_eq!(&all, &singly);
            for id in 0..90 {
                let id = format!("{id}");
                prop_assert_eq!(all.get(&id), singly.get(&id));
            }
        }

        #[test]
        fn it_is_a_map(deeds in prop::collection::vec((any::<bool>(), 0_u32..40), 0..200)) {
            let (mut all, mut model) = (ById::default(), BTreeMap::new());
            for (at, (puts, id)) in deeds.into_iter().enumerate() {
                let id: Arc<str> = format!("{id}").into();
                if puts {
                    all.insert(id.clone(), at);
                    model.insert(id, at);
                } else {
                    prop_assert_eq!(all.remove(&id), model.remove_entry(&id));
                }
                prop_assert!(all.iter().eq(model.iter()));
                prop_assert_eq!((all.len(), all.first()), (model.len(), model.keys().next()));
                for id in 0..40 {
                    let id = format!("{id}");
                    prop_assert_eq!(all.get(&id), model.get(&*id));
                    prop_assert_eq!(all.find(&id).map(|place| all.at(place).1), model.get(&*id));
                }
            }
        }
    }
}
