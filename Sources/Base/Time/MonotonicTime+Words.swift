extension MonotonicTime {
    /// The time for people, as seconds after `start`: "3.214 s". The clock's own count says nothing to anybody.
    package func words(since start: MonotonicTime) -> String { "\((self - start).inSeconds.decimals(3)) s" }
}
