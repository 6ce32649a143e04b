//! Memory that nobody uses.

use std::hint::black_box;

/// Once in so many requests the allocator takes stock of what the thread that asks has freed.
const REQUESTS: usize = 10_000;

/// What is smaller may be given out without a look at anything.
const SIZE: usize = 4096;

/// Has the allocator give back to the system what is free. It keeps that for a second, in case it is needed again, and
/// then gives it back in passing, when it is asked for something: a daemon at rest asks for nothing. Asked twice with
/// a second between, it gives back also what it finds to be free only the first time. That takes a millisecond or two.
pub fn give_back() {
    // Those who parse on all cores have each freed what they needed for it.
    rayon::broadcast(|_| ask());
    ask();
}

fn ask() {
    for _ in 0..REQUESTS {
        drop(black_box(Vec::<u8>::with_capacity(SIZE)));
    }
}
