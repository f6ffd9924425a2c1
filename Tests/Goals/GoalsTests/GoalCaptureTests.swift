import Files
import Goals
import Images
import Messages
import Testing
import Time

@Suite struct GoalCaptureTests {
    private func at(_ milliseconds: Int) -> MonotonicTime { .zero + .milliseconds(milliseconds) }

    private func frame(_ camera: String = "primary", at milliseconds: Int, level: UInt8) -> CameraFrame {
        CameraFrame(
            camera: camera, deviceID: "d", sequence: UInt64(milliseconds), captureTime: at(milliseconds),
            pixels: .rgb8(RGBImage(width: 64, height: 48, filledWith: level)), contentHash: 0)
    }

    @Test func stillPicturesAreTakenAfterAWhile() {
        var capture = GoalCapture(cameras: ["primary"], at: at(0))
        for time in [0, 100, 200] { capture.receive(frame(at: time, level: 100)) }
        #expect(capture.outcome(at: at(210)) == .waiting, "0.2 s say little")
        capture.receive(frame(at: 300, level: 100))
        #expect(capture.outcome(at: at(310)) == .settled([frame(at: 300, level: 100)]))
    }

    @Test func framesFromBeforeDoNotCount() {
        var capture = GoalCapture(cameras: ["primary"], at: at(1_000))
        for time in [500, 700, 900, 1_000, 1_200] { capture.receive(frame(at: time, level: 100)) }
        #expect(capture.outcome(at: at(1_210)) == .waiting)
    }

    @Test func aPictureThatChangesStartsTheWaitAnew() {
        var capture = GoalCapture(cameras: ["primary"], at: at(0))
        for time in [0, 200, 400] { capture.receive(frame(at: time, level: UInt8(100 + time / 40))) }
        for time in [600, 800] { capture.receive(frame(at: time, level: 120)) }
        #expect(capture.outcome(at: at(810)) == .waiting)
        capture.receive(frame(at: 1_000, level: 120))
        #expect(capture.outcome(at: at(1_010)) == .settled([frame(at: 1_000, level: 120)]))
    }

    @Test func allCamerasHaveToSettle() {
        var capture = GoalCapture(cameras: ["primary", "wrist"], at: at(0))
        for time in stride(from: 0, through: 400, by: 100) { capture.receive(frame(at: time, level: 100)) }
        #expect(capture.outcome(at: at(410)) == .waiting)
        for time in stride(from: 0, through: 400, by: 100) { capture.receive(frame("wrist", at: time, level: 50)) }
        #expect(
            capture.outcome(at: at(420)) == .settled([frame(at: 400, level: 100), frame("wrist", at: 400, level: 50)]))
    }

    @Test func whatNeverSettlesIsToldByName() {
        var capture = GoalCapture(cameras: ["primary", "wrist"], at: at(0), patience: .seconds(2))
        for time in stride(from: 0, through: 2_000, by: 100) {
            capture.receive(frame(at: time, level: time % 200 == 0 ? 100 : 130))
        }
        #expect(capture.outcome(at: at(1_990)) == .waiting)
        guard case .failed(let words) = capture.outcome(at: at(2_001)) else {
            Issue.record("found \(capture.outcome(at: at(2_001)))")
            return
        }
        #expect(words.contains("the picture of 'primary' does not settle: its last two frames differ by 30.0 of 255"))
        #expect(words.contains("no frame of 'wrist' came"))
    }

    @Test func aFrameThatCannotBeReadIsTold() {
        var capture = GoalCapture(cameras: ["primary"], at: at(0), patience: .seconds(1))
        var broken = frame(at: 10, level: 0)
        broken.pixels = .jpeg(SharedBytes(copying: [1, 2, 3]), width: 64, height: 48)
        capture.receive(broken)
        guard case .failed(let words) = capture.outcome(at: at(1_001)) else {
            Issue.record("a broken picture settled")
            return
        }
        #expect(words.contains("'primary': "))
    }
}
