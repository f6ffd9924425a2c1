import Cameras
import Digests
import Foundation
import Images
import Messages
import TestSupport
import Testing
import Time

@Suite struct FrameImperfectionsTests {
    private func frame(_ index: Int, value: UInt8 = 100) -> CameraFrame {
        let image = RGBImage(width: 32, height: 32, filledWith: value)
        return CameraFrame(
            camera: "primary", deviceID: "simulated", sequence: UInt64(index),
            captureTime: .zero + .milliseconds(1_000 + 200 * index), pixels: .rgb8(image),
            contentHash: image.pixels.xxh3)
    }

    private func pixels(_ frame: CameraFrame?) -> [UInt8] {
        guard case .rgb8(let image)? = frame?.pixels else { return [] }
        return Array(image.pixels.bytes)
    }

    @Test func aPerfectCameraChangesNothing() {
        var camera = FrameImperfections(.init())
        camera.add(frame(0))
        #expect(camera.take(at: .zero + .seconds(1)) == frame(0))
        #expect(camera.take(at: .zero + .seconds(9)) == nil)
    }

    @Test func aLateFrameComesWhenItsTimeHasCome() {
        var camera = FrameImperfections(.init(latency: .milliseconds(150)))
        camera.add(frame(0))
        camera.add(frame(1))
        #expect(camera.nextTime == .zero + .milliseconds(1_150))
        #expect(camera.take(at: .zero + .milliseconds(1_149)) == nil)
        #expect(camera.take(at: .zero + .milliseconds(1_150))?.sequence == 0)
        // Capture stamps stay what they were: that is what a latency is.
        #expect(camera.take(at: .zero + .seconds(2))?.captureTime == frame(1).captureTime)
    }

    @Test func noiseHasItsMeanAndItsDeviationAndComesAgainWithTheSeed() {
        func noisy(_ seed: UInt64) -> [UInt8] {
            var camera = FrameImperfections(.init(noise: 0.05, seed: seed))
            camera.add(frame(0))
            return pixels(camera.take(at: .zero + .seconds(9)))
        }
        let values = noisy(1).map(Double.init)
        let mean = values.reduce(0, +) / Double(values.count)
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
        #expect(abs(mean - 100) < 1)
        #expect(abs(deviation - 12.75) < 1)
        #expect(noisy(1) == noisy(1))
        #expect(noisy(1) != noisy(2))
    }

    @Test func exposureWandersThereAndBack() {
        var camera = FrameImperfections(.init(exposureDrift: 0.5))
        var means: [Double] = []
        for index in 0...100 {
            camera.add(frame(index))
            means.append(pixels(camera.take(at: .zero + .seconds(99))).first.map(Double.init) ?? -1)
        }
        #expect(means[0] == 100)
        #expect(abs(means[25] - 150) <= 1)
        #expect(abs(means[50] - 100) <= 1)
        #expect(abs(means[75] - 50) <= 1)
        #expect(abs(means[100] - 100) <= 1)
    }

    @Test func framesAreLostAsOftenAsAsked() {
        var camera = FrameImperfections(.init(dropProbability: 0.3, seed: 5))
        var kept = 0
        for index in 0..<1_000 {
            camera.add(frame(index))
            if camera.take(at: .zero + .seconds(1_000)) != nil { kept += 1 }
        }
        #expect((640...760).contains(kept))
    }

    @Test func aFrozenCameraShowsOnePictureWithNewStamps() {
        var camera = FrameImperfections(.init(freezesAfter: .milliseconds(400)))
        var seen: [CameraFrame] = []
        for index in 0..<5 {
            camera.add(frame(index, value: UInt8(100 + index)))
            if let frame = camera.take(at: .zero + .seconds(99)) { seen.append(frame) }
        }
        #expect(seen.map { pixels($0).first } == [100, 101, 102, 102, 102])
        #expect(seen[2].contentHash == seen[4].contentHash)
        #expect(Set(seen.map(\.captureTime)).count == 5)
    }
}

@Suite struct SimulatedCameraLinkTests {
    @Test func aRequestReadsBackTheSame() {
        let request = SimulatedCameraLink.Request(camera: "wrist", width: 128, height: 96, rate: Rate(hertz: 5))
        #expect(SimulatedCameraLink.Request(parsing: request.line.dropLast()) == request)
        for text in [
            "", "octo-camera-1 primary 1 1", "octo-camera-2 primary 64 64 200000000", "octo-camera-1 p 0 64 200000000",
            "octo-camera-1 p 64 99999 200000000", "octo-camera-1 p 64 64 0", "octo-camera-1 p 64 64 -5",
        ] { #expect(SimulatedCameraLink.Request(parsing: Array(text.utf8)) == nil, "\(text)") }
    }

    @Test(arguments: [1, 7, 16, 17, 300, 5_000])
    func framesComeOutOfBytesHoweverTheyArrive(piece: Int) {
        var reader = SimulatedCameraLink.Reader(pixelBytes: 12)
        var bytes: [UInt8] = []
        for index in 0..<20 {
            bytes += SimulatedCameraLink.header(
                sequence: UInt64(index), captureTime: MonotonicTime(nanoseconds: Int64(index) * 1_000_003))
            bytes += [UInt8](repeating: UInt8(index), count: 12)
        }
        var last: UInt64?
        var rest = bytes[...]
        while !rest.isEmpty {
            reader.append(rest.prefix(piece))
            rest = rest.dropFirst(piece)
            guard let (sequence, time, pixels) = reader.takeNewest() else { continue }
            #expect(last.map { sequence > $0 } ?? true)
            #expect(time.nanoseconds == Int64(sequence) * 1_000_003)
            #expect(Array(pixels.bytes) == [UInt8](repeating: UInt8(sequence), count: 12))
            last = sequence
        }
        #expect(last == 19)
        #expect(reader.takeNewest() == nil)
    }

    @Test func withoutAWorldTheErrorNamesTheSocket() {
        var camera = SimulatedCamera(
            .init(
                request: .init(camera: "primary", width: 64, height: 64, rate: Rate(hertz: 5)),
                socket: "/nonexistent/cameras.sock"))
        let error = #expect(throws: CameraError.self) { try camera.open(at: .zero) }
        #expect(error.map { "\($0)".contains("/nonexistent/cameras.sock") && "\($0)".contains("octo-sim") } == true)
        #expect(camera.wakeup == .never)
        camera.close()
    }
}
