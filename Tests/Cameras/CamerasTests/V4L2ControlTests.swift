import Cameras
import Glibc
import Messages
import Testing
import Time

/// Locking what a camera would rather decide by itself.
@Suite struct V4L2ControlTests {
    private let device = ScriptedV4L2Device()

    /// The controls of a usual webcam, as the kernel's UVC driver describes them.
    static let webcam: [V4L2Control] = [
        V4L2Control(id: 0x98_0900, driverName: "Brightness", kind: .integer, range: -64...64),
        V4L2Control(id: 0x98_090c, driverName: "White Balance, Automatic", kind: .boolean, range: 0...1, preset: 1),
        V4L2Control(id: 0x98_0913, driverName: "Gain", kind: .integer, range: 0...100, preset: 4),
        V4L2Control(
            id: 0x98_0918, driverName: "Power Line Frequency",
            kind: .menu([.init(0, "Disabled"), .init(1, "50 Hz"), .init(2, "60 Hz")]), range: 0...2, preset: 1),
        V4L2Control(
            id: 0x98_091a, driverName: "White Balance Temperature", kind: .integer, range: 2_800...6_500, step: 10,
            preset: 4_600, isInactive: true),
        V4L2Control(
            id: 0x9a_0901, driverName: "Auto Exposure",
            kind: .menu([.init(1, "Manual Mode"), .init(3, "Aperture Priority Mode")]),
            range: 0...3, preset: 3),
        V4L2Control(
            id: 0x9a_0902, driverName: "Exposure Time, Absolute", kind: .integer, range: 1...5_000, preset: 157,
            isInactive: true),
        V4L2Control(
            id: 0x9a_090a, driverName: "Focus, Absolute", kind: .integer, range: 0...255, step: 5, isInactive: true),
        V4L2Control(
            id: 0x9a_090c, driverName: "Focus, Automatic Continuous", kind: .boolean, range: 0...1, preset: 1),
        V4L2Control(id: 0x9a_0920, driverName: "Lens Temperature", kind: .integer, range: 0...99, isReadOnly: true),
    ]

    private func camera(_ settings: [ControlSetting]) -> V4L2Camera<ScriptedV4L2Device> {
        device.knobs = Self.webcam
        return V4L2Camera(
            .init(
                name: "primary", path: "/dev/video0", width: 8, height: 6, rate: Rate(hertz: 30), encoding: .yuyv,
                controls: settings),
            device: device)
    }

    private func refusal(_ settings: [ControlSetting]) throws -> String {
        var camera = camera(settings)
        let error = #expect(throws: CameraError.self) { try camera.open(at: .zero) }
        #expect(!device.isOpen, "a camera that does not take its settings is let go")
        return error?.description ?? ""
    }

    // MARK: Names

    @Test func controlsAreNamedAsPeopleKnowThem() throws {
        device.knobs = Self.webcam
        _ = try device.open("/dev/video0")
        let controls = try device.controls()
        #expect(
            controls.map(\.name) == [
                "brightness", "white_balance_automatic", "gain", "power_line_frequency", "white_balance_temperature",
                "auto_exposure", "exposure_time_absolute", "focus_absolute", "focus_automatic_continuous",
                "lens_temperature",
            ])
        #expect(controls == Self.webcam, "menus have their choices again, with the gap that this camera's has")
        #expect(
            controls[5].allowed == "1 (Manual Mode), 3 (Aperture Priority Mode)"
                && controls[5].text(3) == "3 (Aperture Priority Mode)")
        #expect(controls[4].allowed == "2800 to 6500 in steps of 10" && controls[1].text(1) == "true")
    }

    /// Kernels before 5.15 called it otherwise.
    @Test func oldKernelsNamesAreTheSame() {
        let old = V4L2Control(id: 0x9a_0902, driverName: "Exposure (Absolute)", kind: .integer, range: 1...2)
        #expect(old.name == "exposure_time_absolute")
        let own = V4L2Control(id: 0xa0_0001, driverName: "LED1 Mode: (Auto)", kind: .integer, range: 1...2)
        #expect(own.name == "led1_mode_auto" && !own.shapesThePicture)
    }

    @Test func aDriverThatRepeatsItselfEndsTheList() throws {
        device.knobs = Self.webcam
        device.fail(.listControls, ENOTTY)
        _ = try device.open("/dev/video0")
        #expect(try device.controls() == [], "a driver without controls")
    }

    // MARK: Locking

    @Test func automaticModesAreSwitchedOffBeforeTheirValuesAreSet() throws {
        var camera = camera([
            .init("exposure_time_absolute", .number(200)), .init("white_balance_temperature", .number(4_000)),
            .init("power_line_frequency", .choice("50 hz")), .init("focus_absolute", .number(30)),
            .init("white_balance_automatic", .flag(false)),
        ])
        let format = try camera.open(at: .zero)
        #expect(
            device.sets == [
                "white_balance_automatic=0", "auto_exposure=1", "focus_automatic_continuous=0",
                "exposure_time_absolute=200",
                "white_balance_temperature=4000", "power_line_frequency=1", "focus_absolute=30",
            ])
        #expect(format.summary.contains("7 controls locked"))
        #expect(format.locked.contains(.init(name: "exposure_time_absolute", value: 200)) && format.locked.count == 7)
    }

    @Test func theyAreLockedAnewWheneverTheCameraIsOpened() throws {
        var camera = camera([.init("gain", .number(7))])
        _ = try camera.open(at: .zero)
        camera.close()
        // Unplugged in between: the camera starts with what it likes.
        device.values = [:]
        _ = try camera.open(at: .zero)
        #expect(device.sets == ["gain=7", "gain=7"] && device.values[0x98_0913] == 7)
    }

    @Test func withoutSettingsNothingIsTouched() throws {
        var camera = camera([])
        device.fail(.listControls, EIO)
        #expect(try camera.open(at: .zero).locked == [])
        #expect(device.sets == [])
    }

    // MARK: Told with frames

    private func frame(_ camera: inout V4L2Camera<ScriptedV4L2Device>, at seconds: Int64) throws -> CameraFrame {
        let now = MonotonicTime(nanoseconds: seconds * 1_000_000_000)
        device.shots = [.init(bytes: [UInt8](repeating: 128, count: 96), sequence: UInt32(seconds), stamp: now)]
        let frame = try #require(try camera.nextFrame(at: now))
        camera.prepare()
        return frame
    }

    @Test func everyFrameSaysHowTheCameraIsSet() throws {
        var camera = camera([.init("exposure_time_absolute", .number(200)), .init("gain", .number(7))])
        _ = try camera.open(at: .zero)
        let settings = try frame(&camera, at: 1).settings
        #expect(
            settings.contains(.init(name: "gain", value: "7"))
                && settings.contains(.init(name: "exposure_time_absolute", value: "200")))
        #expect(settings.contains(.init(name: "auto_exposure", value: "1 (Manual Mode)")))
        #expect(settings.contains(.init(name: "power_line_frequency", value: "1 (50 Hz)")))
        // White balance is automatic: nobody knows which it was for this frame.
        #expect(settings.contains(.init(name: "white_balance_automatic", value: "true")))
        #expect(!settings.contains { $0.name == "white_balance_temperature" })
    }

    @Test func aCameraThatTellsNothingIsACameraAllTheSame() throws {
        var camera = camera([])
        device.fail(.getControl, EIO)
        _ = try camera.open(at: .zero)
        #expect(try frame(&camera, at: 1).settings == [])
    }

    @Test func whatAnotherProgramChangesIsLockedAgainAndTold() throws {
        var camera = camera([.init("gain", .number(7)), .init("brightness", .number(3))])
        _ = try camera.open(at: .zero)
        _ = try frame(&camera, at: 1)
        #expect(camera.remark == nil)
        let sets = device.sets.count
        device.values[0x98_0913] = 99
        for second in 2...3 { _ = try frame(&camera, at: Int64(second)) }
        #expect(device.values[0x98_0913] == 7 && device.sets.count == sets + 1)
        #expect(
            camera.remark
                == """
                of its controls, 'gain' was set to 7 and reads 99, expected it to stay within 0 to 100: something \
                else changed it, \
                and it was locked again (1 times by now). End the program that sets it, such as a video call or \
                v4l2-ctl.
                """
        )
        for second in 4...14 { _ = try frame(&camera, at: Int64(second)) }
        #expect(camera.remark == nil, "it is over")
        device.fail(.getControl, EIO)
        _ = try frame(&camera, at: 15)
        #expect(device.isOpen, "frames tell whether the camera is there")
    }

    @Test func buttonsArePressedAndKeepNothing() throws {
        let button = V4L2Control(id: 0x98_0001, driverName: "Pan, Reset", kind: .button, range: 0...0)
        device.knobs = [button]
        _ = try device.open("/dev/video0")
        #expect(try device.readings() == [ControlReading(button, nil)])
        #expect(throws: V4L2Problem.self) { try ControlPlan([.init("pan_reset", .number(1))], for: [button]) }
        try device.apply(ControlPlan(pressing: button))
        #expect(device.sets == ["pan_reset=1"])
    }

    // MARK: What is wrong

    @Test func everythingThatIsWrongIsToldAtOnceAndNothingIsSet() throws {
        let text = try refusal([
            .init("gain", .number(101)), .init("white_balance_temperature", .number(4_005)),
            .init("zoom_absolute", .number(1)),
            .init("power_line_frequency", .choice("55 Hz")), .init("lens_temperature", .number(3)),
            .init("brightness", .flag(true)), .init("auto_exposure", .number(2)),
        ])
        #expect(text.hasPrefix("opening camera 'primary' at /dev/video0: of its controls, "))
        for part in [
            "'gain' is asked to be 101, expected 0 to 100",
            "'white_balance_temperature' is asked to be 4005, expected 2800 to 6500 in steps of 10",
            "'zoom_absolute' is not there, expected one of brightness, ",
            "'power_line_frequency' is asked to be '55 Hz', expected 0 (Disabled), 1 (50 Hz), 2 (60 Hz)",
            "'lens_temperature' can only be read", "'brightness' is asked to be true, expected -64 to 64",
            "'auto_exposure' is asked to be 2, expected 1 (Manual Mode), 3 (Aperture Priority Mode)",
            "octo-camera settings",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        #expect(device.sets == [])
    }

    @Test func aValueThatAnAutomaticModeOverrulesIsRefused() throws {
        let text = try refusal([
            .init("exposure_time_absolute", .number(100)), .init("auto_exposure", .choice("Aperture Priority Mode")),
        ])
        #expect(
            text.contains(
                "'exposure_time_absolute' is asked for while 'auto_exposure' is 3 (Aperture Priority Mode), expected "
                    + "that to be 1 (Manual Mode)."
            ), "\(text)")
    }

    @Test func aValueThatDoesNotStayIsTold() throws {
        device.settle = { $0.name == "gain" ? $1 - 1 : $1 }
        let text = try refusal([.init("gain", .number(7)), .init("brightness", .number(3))])
        #expect(text.contains("'gain' was set to 7 and reads 6, expected it to stay within 0 to 100."), "\(text)")
        #expect(!text.contains("brightness"))
    }

    @Test func aValueThatTheCameraRefusesIsNotTakenForAnUnpluggedOne() throws {
        device.settle = { $0.name == "gain" ? nil : $1 }
        let text = try refusal([.init("gain", .number(7))])
        #expect(text.contains("'gain' refuses 7 (Input/output error), expected it to take 0 to 100"), "\(text)")
        device.settle = { $1 }
        device.fail(.setControl, ENODEV)
        #expect(try refusal([.init("gain", .number(7))]).contains("it is gone or unplugged"))
    }

    @Test func interruptedRequestsAreRepeatedHereToo() throws {
        for request in [V4L2Failure.Request.listControls, .listChoices, .getControl, .setControl] {
            device.fail(request, EINTR, times: 3)
        }
        var camera = camera([.init("power_line_frequency", .number(2))])
        #expect(try camera.open(at: .zero).locked == [.init(name: "power_line_frequency", value: 2)])
    }

    @Test func commandLineValuesAreRead() {
        #expect(ControlSetting.Value("157") == .number(157) && ControlSetting.Value("-3") == .number(-3))
        #expect(
            ControlSetting.Value("true") == .flag(true) && ControlSetting.Value("Manual Mode") == .choice("Manual Mode")
        )
    }
}
