//! Hash maps whose layout does not differ from run to run.

/// A hash map with a fixed seed, for keys that an attacker does not choose (dense ids).
pub type Map<K, V> = hashbrown::HashMap<K, V, foldhash::fast::FixedState>;

/// A hash set with a fixed seed, for keys that an attacker does not choose (dense ids).
pub type Set<K> = hashbrown::HashSet<K, foldhash::fast::FixedState>;
