import Files
import Messages
import Policy
import Testing
import Time

/// Which frames an observation shows.
@Suite struct PolicySightTests {
    @Test func theWindowHoldsImagesOnePolicyStepApart() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        // Between two ticks the camera delivers several frames: only the newest before the tick is history.
        let due = try #require(scene.core.nextTick)
        for (value, before) in [(10, 150), (11, 100), (12, 50)] {
            let captured = (due - MonotonicTime.zero) - .milliseconds(before)
            scene.core.receive(scene.frame(UInt8(value), captured: captured), at: .zero + captured)
        }
        let seen = try #require(observation(in: scene.core.tick(at: due)))
        let bytes = seen.views[0].pixels.bytes
        #expect(bytes.first == 1)
        #expect(bytes.last == 12)
    }

    @Test func anOptionalCameraThatIsAwayIsMaskedAndTheOtherGoesOn() throws {
        var scene = PolicyScene(cameras: ["primary", "wrist"], optional: ["wrist"])
        scene.core.receive(scene.goal())
        func look(_ value: UInt8, wrist: UInt8?) throws -> PolicyObservation {
            if let wrist {
                let captured = (scene.core.nextTick ?? .zero + .milliseconds(10)) - .milliseconds(8)
                scene.core.receive(
                    scene.frame(wrist, camera: "wrist", captured: captured - .zero), at: captured + .milliseconds(1))
            }
            return try #require(observation(in: try scene.step(value)))
        }
        // Before it has ever delivered.
        let first = try look(1, wrist: nil)
        #expect(first.views.map(\.padMask) == [[], [false, false]])
        #expect(first.views[1].captureTime == first.time && first.views[1].pixels.bytes.allSatisfy { $0 == 0 })
        #expect(
            scene.core.obstacle == nil && scene.core.warning(at: first.time)?.contains("without camera 'wrist'") == true
        )
        let second = try look(2, wrist: 50)
        #expect(second.views.map(\.padMask) == [[], [false, true]])
        #expect(second.timestepPadMask == [true, true])
        #expect(scene.core.warning(at: second.time) == nil)
        #expect(try look(3, wrist: 51).views.map(\.padMask) == [[], []])
        // Silent for so long that its frame is too old.
        let later = try (4...8).map { try look($0, wrist: nil) }
        #expect(later.map { $0.views[1].padMask } == [[], [], [true, false], [false, false], [false, false]])
        #expect(scene.core.masked.first?.obstacle == .staleFrame(camera: "wrist", age: .milliseconds(1008)))
        #expect(scene.core.counters.invalidTicks == 0)
        // The other one is needed as ever.
        for _ in 0..<3 { _ = scene.core.tick(at: try #require(scene.core.nextTick)) }
        guard case .staleFrame(camera: "primary", _) = scene.core.obstacle else {
            Issue.record("\(String(describing: scene.core.obstacle))")
            return
        }
    }

    @Test func aTickThatComesLateDoesNotSeeTheFuture() throws {
        var scene = PolicyScene(window: 1)
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        let due = try #require(scene.core.nextTick)
        scene.core.receive(scene.frame(2, captured: (due - MonotonicTime.zero) - .milliseconds(10)), at: due)
        scene.core.receive(
            scene.frame(3, captured: (due - MonotonicTime.zero) + .milliseconds(10)), at: due + .milliseconds(12))
        let seen = try #require(observation(in: scene.core.tick(at: due + .milliseconds(15))))
        #expect(seen.views[0].pixels.bytes.first == 2)
    }

    /// However many frames came since the tick was due, and from each camera its own.
    @Test(arguments: [1, 2, 5, 40])
    func eachCamerasNewestFrameThatIsNotNewerThanTheTickIsSeenAndTheSkewIsTold(late: Int) throws {
        var scene = PolicyScene(window: 1, cameras: ["primary", "wrist"])
        for (camera, captured) in [("primary", 1), ("wrist", 2)] {
            scene.core.receive(
                scene.frame(1, camera: camera, captured: .milliseconds(captured)), at: .zero + .milliseconds(3))
        }
        let due = try #require(scene.core.nextTick) - MonotonicTime.zero
        for (camera, offset) in [("primary", 3), ("wrist", 8)] {
            // Two that the tick may see, then those of its future.
            for index in 0..<late + 2 {
                let captured =
                    due + .milliseconds(-offset - 10 + 10 * index) + (index > 1 ? .milliseconds(offset) : .zero)
                scene.core.receive(
                    scene.frame(UInt8(10 + index), camera: camera, captured: captured),
                    at: .zero + captured + .milliseconds(1))
            }
        }
        let seen = try #require(observation(in: scene.core.tick(at: .zero + due + .seconds(1))))
        #expect(seen.views.map { $0.pixels.bytes.first } == [11, 11])
        #expect(seen.views.map { (.zero + due) - $0.captureTime } == [.milliseconds(3), .milliseconds(8)])
        #expect(scene.core.cameraSkew.count == 1)
        #expect(abs(scene.core.cameraSkew.maximum.inMilliseconds - 5) < 0.1)
    }

    @Test func aFrameOfTheFutureIsNotSeen() throws {
        var scene = PolicyScene(window: 1)
        scene.core.receive(scene.frame(1, captured: .seconds(9)), at: .zero)
        guard case .invalid = scene.core.tick(at: try #require(scene.core.nextTick)) else {
            Issue.record("a frame newer than the tick was observed")
            return
        }
        #expect(scene.core.obstacle == .noFrameYet(camera: "primary"))
    }

    @Test func anOldFrameIsNeverFedAsNewAndTheHistoryStartsAnew() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        _ = try scene.step(1)
        _ = try scene.step(2)
        // The camera is silent for three ticks: the frame is 205, 405, then 605 ms old.
        for _ in 0..<2 {
            let due = try #require(scene.core.nextTick)
            #expect(observation(in: scene.core.tick(at: due)) != nil)
        }
        let due = try #require(scene.core.nextTick)
        guard case .invalid = scene.core.tick(at: due) else {
            Issue.record("a frame of 605 ms was observed")
            return
        }
        #expect(scene.core.obstacle == .staleFrame(camera: "primary", age: .milliseconds(605)))
        let seen = try #require(observation(in: try scene.step(9)))
        #expect(seen.timestepPadMask == [false, true])
        #expect(scene.core.obstacle == nil)
    }

    @Test func anUnreadableJPEGMakesTheTickInvalid() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        var frame = scene.frame(1, captured: .zero)
        frame.pixels = .jpeg(SharedBytes(copying: [0xFF, 0xD8, 1, 2, 3]), width: 4, height: 4)
        scene.core.receive(frame, at: .zero)
        guard case .invalid = scene.core.tick(at: try #require(scene.core.nextTick)) else {
            Issue.record("a broken JPEG was observed")
            return
        }
        guard case .unreadableFrame = scene.core.obstacle else {
            Issue.record("obstacle is \(String(describing: scene.core.obstacle))")
            return
        }
    }

    @Test func anUnreadableJPEGAfterAGoodFrameIsPassedOver() throws {
        var scene = PolicyScene()
        scene.core.receive(scene.goal())
        let good = try #require(observation(in: try scene.step(1)))
        let second = try #require(scene.core.nextTick)
        var frame = scene.frame(2, captured: (second - MonotonicTime.zero) - .milliseconds(5))
        frame.pixels = .jpeg(SharedBytes(copying: [0xFF, 0xD8, 1, 2, 3]), width: 4, height: 4)
        scene.core.receive(frame, at: second)
        let next = try #require(observation(in: scene.core.tick(at: second)))
        #expect(next.views.map(\.captureTime) == good.views.map(\.captureTime) && scene.core.obstacle == nil)
        #expect(scene.core.counters.unreadableFrames == 1 && scene.core.counters.invalidTicks == 0)
        #expect(scene.core.warning(at: second)?.contains("\"yuyv\"") == true)
        #expect(scene.core.warning(at: second + .seconds(6)) == nil)
    }
}
