import Cameras
import Files
import Images
import Testing
import Time

/// When automatic modes have found their values, and what is locked then.
@Suite struct CameraTuningTests {
    private let exposure = V4L2Control(
        id: 0x9a_0902, driverName: "Exposure Time, Absolute", kind: .integer, range: 1...5_000)
    private let balance = V4L2Control(
        id: 0x98_091a, driverName: "White Balance Temperature", kind: .integer, range: 2_800...6_500, step: 10)

    private func at(_ seconds: Double) -> MonotonicTime { .zero + .fromSeconds(seconds) }

    private func tuning(_ limit: Double = 20) -> CameraTuning {
        CameraTuning(following: [exposure, balance], limit: .fromSeconds(limit), at: .zero)
    }

    @Test func whatStaysForTwoSecondsIsSteady() {
        var tuning = tuning()
        for (time, value) in [(0.0, 100), (0.2, 180), (0.4, 230), (0.6, 250)] {
            guard case .settling = tuning.add([value, 4_600], brightness: 100, at: at(time)) else {
                Issue.record("steady at \(time)")
                return
            }
        }
        #expect(tuning.add([252, 4_610], brightness: 102, at: at(2.5)) == .settling(["exposure_time_absolute"]))
        #expect(tuning.add([247, 4_600], brightness: 99, at: at(2.6)) == .steady)
    }

    /// A slow drift never steps far, and yet is no rest.
    @Test func driftIsNoRest() {
        var tuning = tuning(10)
        var last = CameraTuning.Progress.steady
        for step in 0...60 { last = tuning.add([100 + step, 4_600], brightness: 100, at: at(Double(step) * 0.2)) }
        #expect(last == .expired(["exposure_time_absolute"]))
    }

    @Test func brightnessCountsWhereTheCameraTellsNothing() {
        var tuning = tuning(5)
        _ = tuning.add([nil, nil], brightness: 20, at: .zero)
        #expect(tuning.add([nil, nil], brightness: 60, at: at(1)) == .settling(["brightness"]))
        #expect(tuning.add([nil, nil], brightness: 61, at: at(2.9)) == .settling(["brightness"]))
        #expect(tuning.add([nil, nil], brightness: 61, at: at(3)) == .steady)
    }

    @Test func theTimeIsLimitedHoweverRestlessItIs() {
        var tuning = tuning(3)
        _ = tuning.add([1, 4_600], brightness: 0, at: .zero)
        _ = tuning.add([900, 5_600], brightness: 80, at: at(1))
        #expect(
            tuning.add([300, 4_600], brightness: 0, at: at(3))
                == .expired(["exposure_time_absolute", "white_balance_temperature", "brightness"]))
        var dead = CameraTuning(following: [], limit: .seconds(1), at: .zero)
        #expect(dead.add([], brightness: 5, at: at(2)) == .expired(["the first frames"]))
    }

    // MARK: What is set

    private var readings: [ControlReading] { V4L2ControlTests.webcam.map { ControlReading($0, $0.preset) } }

    @Test func automaticModesAreSwitchedOnButForWhatIsKept() {
        let all = CameraTuning.automaticModes(of: readings, keeping: [])
        #expect(all.map(\.control.name) == ["white_balance_automatic", "auto_exposure", "focus_automatic_continuous"])
        #expect(all.map(\.value) == [1, 3, 1])
        #expect(
            CameraTuning.followed(readings, modes: all).map(\.name) == [
                "white_balance_temperature", "exposure_time_absolute", "focus_absolute",
            ])
        let some = CameraTuning.automaticModes(of: readings, keeping: ["focus_absolute", "white_balance_automatic"])
        #expect(some.map(\.control.name) == ["auto_exposure"])
        #expect(CameraTuning.followed(readings, modes: some).map(\.name) == ["exposure_time_absolute"])
        #expect(CameraTuning.automaticModes(of: [], keeping: []).isEmpty)
    }

    @Test func valuesBetweenTwoStepsAreBroughtToOne() throws {
        #expect([4_603, 4_605, 9_999, 1].map(balance.nearest) == [4_600, 4_610, 6_500, 2_800])
        let odd = V4L2Control(id: 1, driverName: "Odd", kind: .integer, range: 0...7, step: 5)
        #expect([0, 2, 3, 7].map(odd.nearest) == [0, 0, 5, 5])
        let chosen = CameraTuning.choice([ControlReading(exposure, 222), ControlReading(balance, 4_604)])
        #expect(
            chosen == [
                .init("exposure_time_absolute", .number(222)), .init("white_balance_temperature", .number(4_600)),
            ])
        // What is chosen is a plan that switches the modes off first.
        let plan = try ControlPlan(chosen, for: V4L2ControlTests.webcam)
        #expect(plan.steps.map(\.control.name).prefix(2) == ["auto_exposure", "white_balance_automatic"])
        #expect(plan.steps.map(\.value) == [1, 0, 222, 4_600])
    }

    /// What is saved is what a calibration file may say, without what an automatic mode changes all the time.
    @Test func whatIsSavedLocksTheCameraAsItIs() throws {
        let lasting = readings.lasting
        #expect(
            lasting.map(\.control.name) == [
                "brightness", "white_balance_automatic", "gain", "power_line_frequency", "auto_exposure",
                "focus_automatic_continuous",
            ])
        #expect(
            lasting.compactMap(\.setting) == [
                .init("brightness", .number(0)), .init("white_balance_automatic", .flag(true)),
                .init("gain", .number(4)),
                .init("power_line_frequency", .choice("50 Hz")),
                .init("auto_exposure", .choice("Aperture Priority Mode")),
                .init("focus_automatic_continuous", .flag(true)),
            ])
        #expect(
            try ControlPlan(lasting.compactMap(\.setting), for: V4L2ControlTests.webcam).steps.map(\.value).sorted()
                == [0, 1, 1, 1, 3, 4])
        #expect(readings.mode(over: exposure)?.control.name == "auto_exposure")
    }

    @Test func choicesOfOneNameAreSavedAsNumbers() {
        let twins = V4L2Control(
            id: 2, driverName: "Mode", kind: .menu([.init(0, "On"), .init(1, "on"), .init(2, "Off")]), range: 0...2)
        #expect(ControlReading(twins, 1).setting == .init("mode", .number(1)))
        #expect(ControlReading(twins, 2).setting == .init("mode", .choice("Off")))
        #expect(ControlReading(twins, nil).setting == nil)
    }
}

/// Black and saturated pictures.
@Suite struct ExposureShareTests {
    private func picture(_ values: [UInt8]) -> RGBImage {
        RGBImage(
            width: values.count, height: 64,
            pixels: SharedBytes(copying: (0..<64).flatMap { _ in values.flatMap { [$0, $0, $0] } }))
    }

    @Test func sharesAreThoseOfThePixels() {
        let half = ExposureShare(picture([0, 0, 5, 10, 255, 250, 247, 128]))
        #expect(abs(half.black - 0.5) < 0.01 && abs(half.saturated - 0.375) < 0.01 && half.complaint == nil)
        #expect(abs(half.brightness - (15 + 255 + 250 + 247 + 128) / 8.0) < 1.5)
    }

    @Test func onlyAWholePictureIsWorthAComplaint() {
        #expect(
            ExposureShare(RGBImage(width: 640, height: 480, filledWith: 8)).complaint?.hasPrefix(
                "the image is black (100 %") == true)
        #expect(
            ExposureShare(RGBImage(width: 640, height: 480, filledWith: 250)).complaint?.contains("is saturated")
                == true)
        #expect(ExposureShare(RGBImage(width: 640, height: 480, filledWith: 20)).complaint == nil)
        // One red channel at its end is a red picture, not a white one.
        let red = RGBImage(
            width: 8, height: 8, pixels: SharedBytes(copying: (0..<64).flatMap { _ in [255, 30, 20] as [UInt8] }))
        #expect(ExposureShare(red).complaint == nil)
    }
}
