//! Tables of the programs that somebody fills until nothing more fits.

use anyhow::{Context, Result, ensure};
use aya::maps::{HashMap, Map, MapData};

use super::guard::PINS;

/// Rows that are nobody's, as many as it takes: keys of `K` bytes, values of `V`. They go with the value.
#[derive(Debug)]
pub struct Filled<const K: usize, const V: usize>(Map, Vec<[u8; K]>);

impl<const K: usize, const V: usize> Filled<K, V> {
    /// Fills a table.
    pub fn new(name: &str) -> Result<Self> {
        let data = MapData::from_pin(format!("{PINS}/maps/{name}")).context("the table")?;
        let mut map = Map::from_map_data(data)?;
        let mut rows = HashMap::<_, [u8; K], [u8; V]>::try_from(&mut map)?;
        let added = (0..).map(key).take_while(|key| rows.insert(key, [0; V], 0).is_ok()).collect::<Vec<_>>();
        ensure!(added.len() > 1000, "{name} took {} rows", added.len());
        Ok(Self(map, added))
    }
}

/// Nobody has such a number.
fn key<const K: usize>(number: u64) -> [u8; K] {
    let mut key = [u8::MAX; K];
    key[..8].copy_from_slice(&(u64::MAX - number).to_ne_bytes());
    key
}

impl<const K: usize, const V: usize> Drop for Filled<K, V> {
    fn drop(&mut self) {
        if let Ok(mut rows) = HashMap::<_, [u8; K], [u8; V]>::try_from(&mut self.0) {
            self.1.iter().for_each(|key| drop(rows.remove(key)));
        }
    }
}
