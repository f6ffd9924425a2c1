import Time

extension Manifest {
    /// The arm: its servos, how chunks become motion, when it holds.
    package struct Arm: Equatable, Sendable {
        package enum Driver: Equatable, Sendable {
            case simulated(Simulated)
            /// The servos stop by themselves after `watchdog` without a packet.
            case dynamixel(SerialLine, watchdog: Duration)
            case feetech(SerialLine)
        }
        package struct SerialLine: Equatable, Sendable {
            package var port: String
            /// Baud rate of the line, bits per second.
            package var baud: Int
        }
        package struct Simulated: Equatable, Sendable {
            package var timeConstant: Duration
            /// Joint angles at first, radians; nil: the calibration's home position.
            package var initialPositions: [Double]?
        }
        package enum Strategy: String, CaseIterable, Sendable {
            case recedingHorizon = "receding_horizon"
            case temporalEnsemble = "temporal_ensemble"
            case asynchronous
        }
        package struct Gripper: Equatable, Sendable {
            package enum Mode: String, CaseIterable, Sendable {
                case absolute
                case binary
                case sticky
            }
            package var mode: Mode
            package var threshold: Double
            /// Number of actions in a row that must ask for the other state, policy steps.
            package var stickySteps: Int
        }
        /// The limits from which on a joint counts as blocked, overloaded or too hot.
        package struct ServoLimits: Equatable, Sendable {
            /// Angle between setpoint and reading from which on a joint can count as blocked, radians.
            package var stallError: Double
            /// Share of the permitted load.
            package var stallLoad: Double
            package var stallTime: Duration
            /// Share of the permitted load.
            package var overloadLoad: Double
            package var overloadTime: Duration
            /// Temperature from which on a servo is too hot, degrees Celsius.
            package var temperature: Double
        }
        /// What becomes of the servos' torque once the arm has braked.
        package enum EmergencyStop: String, CaseIterable, Sendable {
            case hold
            case torqueOff = "torque_off"
        }
        package struct RealTime: Equatable, Sendable {
            /// SCHED_FIFO priority; 0: do not ask.
            package var priority: Int
            package var locksMemory: Bool
            package var cpu: Int?
            /// Whether lacking rights are an error.
            package var isRequired: Bool
        }
        /// Absolute path of the calibration file.
        package var calibration: String
        package var controlRate: Rate
        package var strategy: Strategy
        /// Number of actions of a chunk that are carried out before a newer one takes over, policy steps.
        package var executionHorizon: Int
        package var ensembleWeight: Double
        /// Number of steps of each chunk that the mean takes in, policy steps.
        package var ensembleSize: Int
        package var blend: Duration
        package var gripper: Gripper
        package var servoLimits: ServoLimits
        package var deadManTimeout: Duration
        package var emergencyStop: EmergencyStop
        package var watchdog: Duration
        package var stateRate: Rate
        package var realTime: RealTime
        package var driver: Driver
    }
}

extension Manifest.Arm {
    static let form = ManifestForm<Self>.variants(
        ManifestName.Arm.driver.rawValue,
        "What moves: 'simulated' is an arm without hardware, the others are servos on a serial port, which the "
            + "calibration file describes in \"servos\".",
        [
            .init(ManifestName.simulated) { keys in
                Self(&keys) { keys in
                    .simulated(keys.section("simulated", "The simulated arm's properties.", Simulated.init))
                }
            },
            .init(ManifestName.dynamixel) { keys in
                Self(&keys) { keys in
                    .dynamixel(
                        SerialLine(&keys),
                        watchdog: keys.value(
                            "bus_watchdog_s", .seconds(0.02...2.54), default: .milliseconds(200),
                            "The servos stop by themselves when they hear nothing for so long."))
                }
            },
            .init("feetech") { keys in Self(&keys) { keys in .feetech(SerialLine(&keys)) } },
        ])

    private init(_ keys: inout ManifestKeys, driver: (inout ManifestKeys) -> Driver) {
        calibration = keys.required("calibration", .file, "The arm's kinematics and limits.")
        controlRate = keys.value(
            ManifestName.Arm.controlRate.rawValue, .hertz(50...1000), default: Rate(hertz: 100),
            "How often the control loop sends a setpoint.")
        strategy = keys.value(
            "strategy", .choice, default: .recedingHorizon,
            "How chunks follow each other: 'receding_horizon' carries out the first steps of each; "
                + "'temporal_ensemble' averages what all recent chunks say about a step; 'asynchronous' goes over "
                + "from one to the next.")
        executionHorizon = keys.value(
            "execution_horizon", .integer(1...256, unit: "policy steps"), default: 4,
            "How many actions of a chunk are carried out before a newer one takes over. With 'asynchronous' it is "
                + "fewer where too few would be left for arm.blend_s.")
        ensembleWeight = keys.value(
            "ensemble_weight", .number(-10...10), default: 0,
            "With 'temporal_ensemble': k of the weights exp(-k i), i = 0 for the oldest chunk; 0 is the plain mean.")
        ensembleSize = keys.value(
            "ensemble_size", .integer(1...64, unit: "policy steps"), default: 4,
            "With 'temporal_ensemble': how many steps of each chunk count.")
        blend = keys.value(
            "blend_s", .seconds(0...60), default: .milliseconds(400),
            "With 'asynchronous': how long it takes to go over from one chunk to the next.")
        gripper = keys.section("gripper", "What becomes of the gripper's number in an action.", Gripper.init)
        servoLimits = keys.section(
            "servo_limits", "When the arm holds because of a joint; the status says which.", ServoLimits.init)
        deadManTimeout = keys.value(
            "dead_man_timeout_s", .seconds(0.02...1), default: .milliseconds(250),
            "How long an operator's command moves the arm when no further one comes.")
        emergencyStop = keys.value(
            "emergency_stop", .choice, default: .hold,
            "After an emergency stop the arm brakes; then it holds, or with 'torque_off' the servos let go: it sinks "
                + "under its weight and can be moved by hand.")
        watchdog = keys.value(
            ManifestName.Arm.watchdog.rawValue, .seconds(0.01...60), default: .milliseconds(600),
            "The arm holds when no fresh chunk came for so long.")
        stateRate = keys.value(
            ManifestName.Arm.stateRate.rawValue, .hertz(0.1...1000), default: Rate(hertz: 50),
            "How often the arm publishes its state.")
        realTime = keys.section("realtime", "The rights the control loop asks for.", RealTime.init)
        self.driver = driver(&keys)
    }
}

extension Manifest.Arm.SerialLine {
    fileprivate init(_ keys: inout ManifestKeys) {
        port = keys.required(
            ManifestName.Arm.port.rawValue, .text,
            "The serial port of the arm's adapter, such as /dev/ttyUSB0; 'simulation' means the servos of the "
                + "simulated world.")
        baud = keys.value(
            "baud", .integer(9_600...4_500_000, unit: "bits per second"), default: 1_000_000,
            "The speed that the servos are set to.")
    }
}

extension Manifest.Arm.Simulated {
    fileprivate init(_ keys: inout ManifestKeys) {
        timeConstant = keys.value(
            "time_constant_s", .seconds(0.001...10), default: .milliseconds(80),
            "How slowly the joints follow: after this time 63 % of the way is done.")
        initialPositions = keys.optional(
            "initial_rad", .numbers(-6.3...6.3, count: 1...8, unit: "rad"),
            "The joints' positions at the start. Left out, they are the calibration's home position.")
    }
}

extension Manifest.Arm.Gripper {
    fileprivate init(_ keys: inout ManifestKeys) {
        mode = keys.value(
            "mode", .choice, default: .absolute,
            "'absolute' takes it as the opening, 'binary' opens or closes fully, 'sticky' does so once enough actions "
                + "in a row ask for it.")
        threshold = keys.value(
            "threshold", .number(0...1), default: 0.5,
            "With 'binary' and 'sticky': numbers below it close the gripper.")
        stickySteps = keys.value(
            "sticky_steps", .integer(1...100, unit: "policy steps"), default: 1,
            "With 'sticky': how many actions in a row must ask for the other state.")
    }
}

extension Manifest.Arm.ServoLimits {
    /// No wider than what still guards an arm. Shares of the load end at 1, which a servo never exceeds for long: its
    /// own current limit keeps it there. 80 °C is where an XM430 switches itself off (ROBOTIS e-manual, "Temperature
    /// Limit", default 80; XL330 and STS3215: 70). A joint that pushes against something for 5 s has broken it, or
    /// itself.
    fileprivate init(_ keys: inout ManifestKeys) {
        stallError = keys.value(
            "stall_error_rad", .number(0.01...1, unit: "rad"), default: 0.2,
            "A joint that is so far from its setpoint, pushes and does not come on is blocked.")
        stallLoad = keys.value(
            "stall_load", .number(0...1), default: 0.5,
            "How hard it must push for that, as a share of what its servo may; servos that do not say count as "
                + "pushing.")
        stallTime = keys.value(
            "stall_time_s", .seconds(0.02...5), default: .milliseconds(500), "How long it must have been so.")
        overloadLoad = keys.value(
            "overload_load", .number(0.05...1), default: 0.95,
            "How hard a joint may push for long, as a share of what its servo may.")
        overloadTime = keys.value(
            "overload_time_s", .seconds(0.02...30), default: .seconds(1), "How long is too long.")
        temperature = keys.value(
            "temperature_c", .number(30...80, unit: "degrees Celsius"), default: 70, "How hot a servo may become.")
    }
}

extension Manifest.Arm.RealTime {
    fileprivate init(_ keys: inout ManifestKeys) {
        priority = keys.value(
            "priority", .integer(0...99), default: 80, "SCHED_FIFO priority; 0 does not ask for it.")
        locksMemory = keys.value(
            "lock_memory", .boolean, default: true, "Whether the process's memory is kept from being paged out.")
        cpu = keys.optional("cpu", .integer(0...1023), "The one CPU the loop runs on. Left out, it is any.")
        isRequired = keys.value(
            "required", .boolean, default: false,
            "Whether the arm refuses to start without these rights; else it says so and goes on.")
    }
}
