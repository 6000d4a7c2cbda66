//! The largest tables of a picture: rows one behind the other, and a hash table of their places. It holds no empty rows,
//! and growing does not move what is there.
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

#[derive(Debug)]
pub(crate) struct Table<K, V> {
    rows: Vec<(K, V)>,
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Table<K, V> {
        Table {
            rows: Vec::new(),
            places: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl<K: Hash + Eq, V: Default> Table<K, V> {
    /// As [`super::row`].
    pub(crate) fn row(
        &mut self,
        key: K,
        name: &'static str,
        limit: usize,
        left_out: &mut BTreeMap<&'static str, u64>,
    ) -> Option<&mut V> {
        let Table {
            rows,
            places,
            hasher,
        } = self;
        let at = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
        let hash = hasher.hash_one(&key);
        let is_it = |place: &u32| rows.get(at(*place)).is_some_and(|(known, _)| *known == key);
        let place = match places.find(hash, is_it) {
            Some(place) => *place,
            None => {
                let place = u32::try_from(rows.len()).ok();
                let Some(place) = place.filter(|_| rows.len() < limit) else {
                    *left_out.entry(name).or_default() += 1;
                    return None;
                };
                rows.push((key, V::default()));
                places.insert_unique(hash, place, |place| {
                    rows.get(at(*place))
                        .map_or(0, |(key, _)| hasher.hash_one(key))
                });
                place
            }
        };
        rows.get_mut(at(place)).map(|(_, row)| row)
    }
}

impl<K, V> Table<K, V> {
    /// The rows, in the order in which they came.
    pub(crate) fn into_rows(self) -> Vec<(K, V)> {
        self.rows
    }
}

impl<K, V> IntoIterator for Table<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}
