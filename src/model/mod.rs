//! Calico's v3 resources, typed, as far as BGP reads them (spec/calico.md §1, §2).
