import Time

/// Which frame of each camera, and which state of the arm, belongs to each timestep of an episode: as the policy looks
/// at them, the newest that is not newer than the timestep.
package struct TimestepGrid: Equatable, Sendable {
    /// One timestep, with the frames and the state that belong to it.
    package struct Timestep: Equatable, Sendable {
        package var time: MonotonicTime
        /// The place of each camera's frame among that camera's, by camera.
        package var frames: [String: Int]
        /// The place of the arm's state.
        package var state: Int
    }

    /// Counts of what became of one camera's frames.
    package struct CameraReport: Equatable, Sendable {
        package var camera: String
        /// Number of frames between the first and the last timestep.
        package var frames = 0
        /// Number of frames that stand in a timestep.
        package var used = 0
        /// Number of frames that stand in none.
        package var dropped = 0
        /// Number of timesteps whose frame is that of the timestep before.
        package var repeated = 0
        /// How much older than its timestep a frame is.
        package var meanSkew = Duration.zero
        package var maximumSkew = Duration.zero
    }

    /// Timesteps in a row at which a camera had nothing young enough.
    package struct Gap: Equatable, Sendable {
        package var camera: String
        package var start: MonotonicTime
        package var timesteps: Int
        /// Greatest age of a frame in the gap.
        package var age: Duration
    }

    package var timesteps: [Timestep] = []
    package var cameras: [CameraReport] = []
    package var gaps: [Gap] = []
    /// How much older than its timestep a state of the arm is at most.
    package var maximumStateSkew = Duration.zero

    /// Assigns to each timestep the newest frames and state that are not newer than it.
    /// - Parameters:
    ///   - times: the timesteps' times, rising; those before every camera and the arm have been seen are left out.
    ///   - captures: capture times of the frames, rising, by camera.
    ///   - states: times at which the arm's states were measured, rising.
    ///   - maximumAge: age that a frame may have at its timestep; older ones are gaps.
    ///   - endsWithAnAction: whether the last timestep has an action; if not, it only ends the action before it, and
    ///     its frames are not counted.
    package init(
        times: [MonotonicTime], captures: [String: [MonotonicTime]], states: [MonotonicTime], maximumAge: Duration,
        endsWithAnAction: Bool = true
    ) {
        var places = captures.mapValues { _ in -1 }
        var state = -1
        let names = captures.keys.sorted()
        for time in times {
            while state + 1 < states.count, states[state + 1] <= time { state += 1 }
            var frames: [String: Int] = [:]
            for name in names {
                let stamps = captures[name] ?? []
                var place = places[name] ?? -1
                while place + 1 < stamps.count, stamps[place + 1] <= time { place += 1 }
                places[name] = place
                if place >= 0 { frames[name] = place }
            }
            guard state >= 0, frames.count == names.count else { continue }
            maximumStateSkew = max(maximumStateSkew, time - states[state])
            timesteps.append(Timestep(time: time, frames: frames, state: state))
        }
        for name in names {
            let stamps = captures[name] ?? []
            report(of: name, stamps: stamps, timesteps: endsWithAnAction ? timesteps[...] : timesteps.dropLast())
            findGaps(of: name, stamps: stamps, maximumAge: maximumAge)
        }
    }

    /// Times of the timesteps, one a period, from the first instant at which all was seen to the last at which all
    /// still was.
    package static func times(
        captures: [String: [MonotonicTime]], states: [MonotonicTime], period: Duration
    ) -> [MonotonicTime] {
        let streams = captures.values.map { $0 } + [states]
        guard let first = streams.map({ $0.first }).reduce(MonotonicTime?.some(.zero), Self.later),
            let last = streams.compactMap(\.last).min(), streams.allSatisfy({ !$0.isEmpty }), period > .zero
        else { return [] }
        var times: [MonotonicTime] = []
        var time = first
        while time <= last {
            times.append(time)
            time += period
        }
        return times
    }

    /// The policy's ticks, with those that it missed.
    package static func times(filling ticks: [MonotonicTime], period: Duration) -> [MonotonicTime] {
        var times: [MonotonicTime] = []
        for tick in ticks {
            if let last = times.last {
                // A policy that was started again ticks at other moments: what is nearer than half a step to its first
                // is none.
                var missed = last + period
                while missed < tick - period / 2 {
                    times.append(missed)
                    missed += period
                }
            }
            if times.last.map({ tick > $0 }) ?? true { times.append(tick) }
        }
        return times
    }

    private static func later(_ a: MonotonicTime?, _ b: MonotonicTime?) -> MonotonicTime? {
        guard let a, let b else { return nil }
        return max(a, b)
    }

    private mutating func report(of camera: String, stamps: [MonotonicTime], timesteps: ArraySlice<Timestep>) {
        var report = CameraReport(camera: camera)
        var skews = Duration.zero
        var before: Int?
        for timestep in timesteps {
            guard let place = timestep.frames[camera] else { continue }
            let skew = timestep.time - stamps[place]
            skews += skew
            report.maximumSkew = max(report.maximumSkew, skew)
            if place == before { report.repeated += 1 } else { report.used += 1 }
            before = place
        }
        if let first = timesteps.first?.frames[camera], let last = timesteps.last?.frames[camera] {
            report.frames = last - first + 1
            report.dropped = report.frames - report.used
            report.meanSkew = skews / timesteps.count
        }
        cameras.append(report)
    }

    private mutating func findGaps(of camera: String, stamps: [MonotonicTime], maximumAge: Duration) {
        var open: Gap?
        for timestep in timesteps {
            guard let place = timestep.frames[camera] else { continue }
            let age = timestep.time - stamps[place]
            if age > maximumAge {
                var gap = open ?? Gap(camera: camera, start: timestep.time, timesteps: 0, age: .zero)
                gap.timesteps += 1
                gap.age = max(gap.age, age)
                open = gap
            } else if let gap = open {
                gaps.append(gap)
                open = nil
            }
        }
        if let open { gaps.append(open) }
    }
}
