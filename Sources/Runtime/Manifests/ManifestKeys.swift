import JSONTree
import Messages

/// Every key a manifest can have, with its unit, its default and its meaning.
enum ManifestKeys {
    static let root = ManifestRule.section([
        ManifestKey("$schema", .text, .optional, "Where editors find the schema of this file; it changes nothing."),
        ManifestKey(
            "name", .name(separator: "-"), .optional,
            "The robot's name; the run folder is called after it. Left out, it is the name of the file."),
        ManifestKey("bus", .section(bus), .defaultsTo(.object([:])), "How the processes reach each other."),
        ManifestKey(
            "cameras", .named(camera, atLeast: 1), .required,
            "One camera process each. The keys are the camera names of the checkpoint without 'image_': primary, wrist."
        ),
        ManifestKey("goal", goal, .required, "What the robot shall reach."),
        ManifestKey("policy", .section(policy), .required, "The process that turns images into chunks of actions."),
        ManifestKey("arm", arm, .required, "The process that carries out the chunks."),
        ManifestKey(
            "simulation", .section(simulation), .optional,
            "A world that stands in for cameras (source 'simulated') and servos (arm.port 'simulation')."),
        ManifestKey("record", .section(record), .defaultsTo(.object([:])), "What is kept of a run."),
        ManifestKey("teleop", .section(teleop), .defaultsTo(.object([:])), "What octo-teleop does."),
        ManifestKey(
            "supervision", .section(supervision), .defaultsTo(.object([:])), "How octo-launch watches the processes."),
    ])

    private static let record: [ManifestKey] = [
        ManifestKey("enabled", .boolean, .defaultsTo(true), "Whether a recorder runs."),
        ManifestKey(
            "start", .choice(ManifestRecordingStart.allCases.map(\.rawValue)), .defaultsTo("with_run"),
            "Whether the first episode begins with the run ('with_run': once all processes are ready, with "
                + "record.ring_s of what was before; a start that fails leaves none), or each by a person "
                + "('on_command': octo-record start, the keys of octo-teleop)."),
        ManifestKey(
            "ring_s", .number(0...600), .defaultsTo(10), unit: "s",
            "While nothing is recorded so much is kept in memory: an episode that begins has what led to it."),
        ManifestKey(
            "memory_mb", .integer(1...4096), .defaultsTo(128), unit: "MB",
            "The most memory for what is kept, and again for what waits for a slow disk."),
        ManifestKey(
            "compression", .choice(ManifestRecordingCompression.allCases.map(\.rawValue)), .defaultsTo("zstd"),
            "How the file is packed: 'zstd' small, 'lz4' with less work, 'none' not at all."),
        ManifestKey(
            "pack_frames", .boolean, .defaultsTo(true),
            "Whether frames that a camera delivers uncompressed are kept as PNG, with every pixel: about half the "
                + "bytes, for some milliseconds of work each. Frames that come as JPEG stay as they are."),
        ManifestKey(
            "mode", .choice(ManifestRecordingMode.allCases.map(\.rawValue)), .defaultsTo("0600"),
            "Who may read the episodes, which are pictures of your rooms: '0600' you alone, '0640' your group too, "
                + "'0644' everybody on this machine."),
        ManifestKey(
            "folder", .destinationFolder, .optional,
            "Where each run gets a folder for its episodes. Left out, it is 'episodes' in the folder in which "
                + "octo-launch was started."),
    ]

    private static let teleop: [ManifestKey] = [
        ManifestKey(
            "before_goal", .section(beforeGoal), .defaultsTo(.object([:])),
            "What the arm does before 'octo-teleop goal' takes the pictures."),
        ManifestKey(
            "confirm_s", .number(0.2...30), .defaultsTo(2), unit: "s",
            "How long a gamepad moves the arm while its switch and sticks are held without any change: then the arm "
                + "brakes until the stick moves or the switch is let go and held again, since a pad whose radio link "
                + "broke looks the same."
        ),
    ]
    private static let beforeGoal: [ManifestKey] = [
        ManifestKey("open_gripper", .boolean, .defaultsTo(false), "Whether it lets go of what it holds."),
        ManifestKey(
            "pose", .choice(ManifestRetreat.allCases.map(\.rawValue)), .defaultsTo("none"),
            "Where it retreats to, out of the cameras' sight: 'neutral', 'rest', or 'none' to stay where it is."),
    ]

    private static let bus: [ManifestKey] = [
        ManifestKey(
            "transport", .choice(["ipc", "tcp"]), .defaultsTo("ipc"),
            "'ipc' uses sockets in the run folder, 'tcp' ports of 127.0.0.1."),
        ManifestKey(
            "base_port", .integer(1024...65535), .defaultsTo(5560),
            "The first port with transport 'tcp'; each process takes the next one."),
    ]

    private static let cameraMount = ManifestKey(
        "mount", .choice(["scene", "arm"]), .optional,
        "What the camera is fixed to. The view of one on the arm changes with every motion, so that a goal cannot be "
            + "told from a camera that was pushed. Left out, cameras named wrist are on the arm, all others in the "
            + "scene.")

    private static let camera = ManifestRule.variants(
        ManifestVariants(
            selector: "source",
            meaning:
                "Where the frames come from: 'v4l2' is a camera at this machine, 'simulated' one in the simulated "
                + "world, 'images' plays a folder of image files.",
            variants: ([
                .init(
                    value: "images",
                    keys: [
                        ManifestKey("folder", .path(.folder), .required, "The folder with the image files."),
                        ManifestKey(
                            "pattern", .fileNamePattern, .defaultsTo("*"),
                            "Which files of the folder are frames; * alone: all that are called .png, .jpg or .jpeg. "
                                + "They are played in the order of the numbers in their names."),
                        ManifestKey(
                            "rate_hz", .number(0.1...240), .defaultsTo(5), unit: "Hz",
                            "How many frames are played in a second."),
                        ManifestKey(
                            "loop", .boolean, .defaultsTo(true), "Whether it starts over after the last frame."),
                    ]),
                .init(value: "simulated", keys: simulatedCamera),
                .init(
                    value: "v4l2",
                    keys: [
                        ManifestKey(
                            "device", .text, .required,
                            "The camera's device, such as /dev/video0; names in /dev/v4l/by-id stay the same whatever "
                                + "else is plugged in, and so do usb:SERIAL and usb-BUS as 'octo-camera list' shows "
                                + "them."),
                        ManifestKey(
                            "calibration", .path(.file), .optional,
                            "The camera's settings, crop, lens and place, as 'octo-camera tune' writes them. Its "
                                + "controls are locked whenever the camera is opened."),
                        ManifestKey(
                            "width", .integer(16...8192), .defaultsTo(640), unit: "pixels", "Width of its frames."),
                        ManifestKey(
                            "height", .integer(16...8192), .defaultsTo(480), unit: "pixels", "Height of its frames."),
                        ManifestKey(
                            "rate_hz", .number(1...240), .defaultsTo(30), unit: "Hz",
                            "How many frames it takes in a second."),
                        ManifestKey(
                            "format", .choice(Manifest.Camera.PixelFormat.allCases.map(\.rawValue)), .optional,
                            "How its frames come over the cable. Left out, it is 'mjpeg' where the camera has that, "
                                + "for two cameras on one USB port seldom have room for more."),
                    ]),
            ] as [ManifestVariants.Variant]).map { variant in
                .init(value: variant.value, keys: variant.keys + [cameraMount])
            }))

    private static let simulatedCamera: [ManifestKey] = [
        ManifestKey("width", .integer(16...640), .defaultsTo(256), unit: "pixels", "Width of its frames."),
        ManifestKey("height", .integer(16...480), .defaultsTo(256), unit: "pixels", "Height of its frames."),
        ManifestKey("rate_hz", .number(0.5...60), .defaultsTo(5), unit: "Hz", "How many frames it takes in a second."),
        ManifestKey(
            "latency_s", .number(0...2), .defaultsTo(0), unit: "s", "How long after its capture a frame comes."),
        ManifestKey(
            "noise", .number(0...0.5), .defaultsTo(0),
            "Standard deviation of its noise; 1 is the way from black to white."),
        ManifestKey(
            "exposure_drift", .number(0...0.9), .defaultsTo(0),
            "How far its brightness wanders up and down, as a share of itself; once around in 20 s."),
        ManifestKey("drop", .number(0...1), .defaultsTo(0), "Probability with which a frame is lost."),
        ManifestKey(
            "freeze_after_s", .number(0...86_400), .optional, unit: "s",
            "From then on it shows one picture for ever, with new stamps. Left out, it never does."),
        ManifestKey(
            "seed", .integer(0...9_007_199_254_740_991), .defaultsTo(0), "Seed of its noise and its losses."),
    ]

    private static let simulation: [ManifestKey] = [
        ManifestKey(
            "scene", .path(.file), .optional,
            "What stands on the table: see octo-sim scene. Left out, a block, a cylinder, a cup, a tray and a mark."),
        ManifestKey(
            "seed", .integer(0...9_007_199_254_740_991), .optional,
            "Changes the scene as its \"variation\" says. Left out, it is as written."),
        ManifestKey(
            "mjcf", .path(.file), .optional,
            "A MuJoCo model in place of the one that is made of scene and arm; begin with what octo-sim mjcf prints."),
        ManifestKey(
            "task", .choice(ManifestSimulatedTask.allCases.map(\.rawValue)), .optional,
            "What the run is judged by, from the world: the tool comes above the object (reach), the object onto the "
                + "mark (push) or into the tray (pick-place). The policy is not told. Left out, nothing is judged."),
        ManifestKey("object", .text, .optional, "The object that the task is about. Left out, the scene's first."),
        ManifestKey(
            "film", .destination, .optional,
            "A PNG file that is written at the end: what the primary camera saw, beside the goal."),
        ManifestKey("film_rate_hz", .number(0.05...5), .defaultsTo(1), unit: "Hz", "Pictures a second of the film."),
    ]

    private static let goal = ManifestRule.variants(
        ManifestVariants(
            selector: "source",
            meaning:
                "'none': no goal; 'images': an image file for each camera; 'episode': one frame of a recorded folder; "
                + "'text': a sentence alone; 'library': a goal that was recorded.",
            variants: [
                .init(value: "none", keys: [goalUse, goalLibrary]),
                .init(
                    value: "images",
                    keys: [
                        ManifestKey(
                            "images", .named(.path(.file), atLeast: 1), .required,
                            "The goal as each camera shall see it.")
                    ] + goalLabels),
                .init(
                    value: "episode",
                    keys: [
                        ManifestKey("folder", .path(.folder), .required, "The folder with the episode's image files."),
                        ManifestKey(
                            "frame", .integer(-1_000_000...1_000_000), .defaultsTo(-1),
                            "Which frame is the goal, from 0; negative numbers count from the end, -1 is the last."),
                        ManifestKey(
                            "patterns", .named(.fileNamePattern, atLeast: 1), .optional,
                            "For each camera the goal is for: which files of the folder are its frames. Left out, it "
                                + "is every camera with its own pattern."),
                    ] + goalLabels),
                .init(
                    value: "text",
                    keys: [
                        ManifestKey("text", .text, .required, "The task as a sentence."), goalName, goalUse,
                        goalLibrary,
                    ]),
                .init(
                    value: "library",
                    keys: [
                        ManifestKey(
                            "name", .text, .required, "The goal's name in the library, as 'octo-goal list' shows it."),
                        goalUse, goalLibrary,
                    ]),
            ]))

    private static let goalLabels: [ManifestKey] = [
        ManifestKey("text", .text, .optional, "The task as a sentence, for checkpoints that read language."), goalName,
        goalUse, goalLibrary,
    ]
    private static let goalUse = ManifestKey(
        "use", .choice(ManifestGoalUse.allCases.map(\.rawValue)), .defaultsTo("images"),
        "What the policy is given of a goal that has pictures and a sentence: its 'images' alone, as Octo was trained "
            + "with one of them at a time, or 'both', for checkpoints that were fine-tuned so. A goal without "
            + "pictures is its sentence."
    )
    private static let goalLibrary = ManifestKey(
        "library", .destinationFolder, .optional,
        "The folder with the recorded goals, which octo-goal reads and writes while the run lasts. Left out, it is "
            + "'goals' in the folder that octo-launch was started in.")
    private static let goalName = ManifestKey(
        "name", .text, .optional, "What people call the goal. Left out, it is named after its source.")

    static let policyRate = ManifestKey(
        "rate_hz", .number(0.1...100), .defaultsTo(5), unit: "Hz",
        "The policy rate: how many observations are taken in a second; the control frequency of the training data.")

    private static let policyCamera: [ManifestKey] = [
        ManifestKey(
            "optional", .boolean, .defaultsTo(false),
            "Whether the policy goes on without this camera: as long as it delivers no frame that can be used its "
                + "tokens are masked, as in training with pictures left out. Otherwise the arm holds.")
    ]

    private static let policy: [ManifestKey] = [
        ManifestKey("checkpoint", .path(.folder), .required, "The Octo checkpoint as the official code saves it."),
        ManifestKey(
            "step", .integer(0...1_000_000_000), .optional,
            "Which training step of the checkpoint. Left out, it is the newest."),
        ManifestKey(
            "tokenizer", .path(.file), .optional,
            "The sentencepiece model of the checkpoint's T5, which is no part of a checkpoint; texts are read with it. "
                + "Left out, it is spiece.model in the checkpoint's folder, if that is there."),
        ManifestKey(
            "dataset", .text, .optional,
            "The data set whose statistics turn the network's numbers into metres and radians. May be left out when "
                + "the checkpoint has statistics of one only."),
        ManifestKey(
            "normalization", .choice(ManifestNormalization.allCases.map(\.rawValue)), .optional,
            "How actions and the arm's state were normalised for training: 'normal' by mean and deviation, 'bounds' "
                + "so that the 1st to the 99th percentile are -1 to 1. Left out, it is what the checkpoint's "
                + "config.json says (action_proprio_normalization_type), else 'normal'."),
        policyRate,
        ManifestKey(
            "window", .integer(1...64), .optional,
            "How many observations of history the policy sees. Left out, it is the checkpoint's."),
        ManifestKey(
            "proprio",
            .choiceOrList(ProprioLayout.names, elements: ProprioField.all.map(\.name), count: 1...64), .optional,
            "How the data set writes the arm's state, for checkpoints that read it: 'bridge' is x, y, z, roll, pitch, "
                + "yaw and gripper (with a 0 before the gripper where a checkpoint reads eight numbers), 'joints' "
                + "every joint from the base on and the gripper; or a list of fields in the data set's order. A "
                + "checkpoint that reads the arm's state is refused without it."),
        ManifestKey(
            "task_numbers", .named(.numbers(-1e9...1e9, count: 1...1000), atLeast: 1), .optional,
            "Numbers of the task by their key, for checkpoints whose image encoder is conditioned on them "
                + "(task_film_keys), in the units of the training. A checkpoint that reads some is refused without "
                + "them."),
        ManifestKey(
            "cameras", .named(.section(policyCamera), atLeast: 1), .optional,
            "What the policy makes of single cameras, by their names."),
        ManifestKey(
            "preprocess", .choice(ManifestPreprocessing.allCases.map(\.rawValue)), .defaultsTo("resize"),
            "How frames become the network's input size; as in the training."),
        ManifestKey(
            "require_goal", .boolean, .defaultsTo(true), "Whether the arm holds as long as there is no goal."),
        ManifestKey(
            "require_goal_fit", .choice(ManifestFitRequirement.allCases.map(\.rawValue)), .defaultsTo("off"),
            "How well the goal has to fit the scene before the arm may begin: 'green', 'amber' (or better), or 'off'. "
                + "See 'octo-goal check'."),
        ManifestKey(
            "on_drift", .choice(ManifestDriftResponse.allCases.map(\.rawValue)), .defaultsTo("warn"),
            "What happens when the fit turns red while the arm moves: 'warn' says so, 'pause' also has the arm hold "
                + "until it fits again."),
        ManifestKey(
            "seed", .integer(0...9_007_199_254_740_991), .defaultsTo(0),
            "Seed of the noise; with it and the observation a chunk can be made again."),
        ManifestKey(
            "threads", .integer(0...256), .defaultsTo(0),
            "Threads for the network; 0 takes all cores, or as many as there are policy.cpus."),
        ManifestKey(
            "cpus", .integers(0...1023, count: 1...256), .optional,
            "The CPUs the network's threads run on, one each. Left out, the system decides. Leave the control loop's "
                + "(arm.realtime.cpu) out of it, and it never waits for the network."),
        ManifestKey(
            "precision", .choice(ManifestPrecision.allCases.map(\.rawValue)), .defaultsTo("float32"),
            "How the network computes. 'float32' is exact; the others trade digits for speed where the CPU has the "
                + "instructions: see octo-policy verify --precision."),
        ManifestKey(
            "max_frame_age_s", .number(0.01...60), .defaultsTo(0.5), unit: "s",
            "Without a frame younger than this there is no inference."),
        ManifestKey(
            "action_space", .choice(ActionSpace.allCases.map(\.rawValue)), .defaultsTo("eef_delta"),
            "What the numbers of an action mean: 'eef_delta' and 'eef_absolute' move the tool point, the others the "
                + "joints; the last number is the gripper's."),
        ManifestKey(
            "keep_blas_core", .boolean, .defaultsTo(false),
            "Whether OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE of the environment reach the policy process. A pinned core "
                + "type gives the same numbers on every machine but can halve the speed."),
    ]

    static let arm = ManifestRule.variants(
        ManifestVariants(
            selector: "driver",
            meaning:
                "What moves: 'simulated' is an arm without hardware, the others are servos on a serial port, which the "
                + "calibration file describes in \"servos\".",
            variants: [
                .init(
                    value: "simulated",
                    keys: armKeys + [
                        ManifestKey(
                            "simulated", .section(simulated), .defaultsTo(.object([:])),
                            "The simulated arm's properties.")
                    ]),
                .init(
                    value: "dynamixel",
                    keys: armKeys + servoKeys + [
                        ManifestKey(
                            "bus_watchdog_s", .number(0.02...2.54), .defaultsTo(0.2), unit: "s",
                            "The servos stop by themselves when they hear nothing for so long.")
                    ]),
                .init(value: "feetech", keys: armKeys + servoKeys),
            ]))

    private static let servoKeys: [ManifestKey] = [
        ManifestKey(
            "port", .text, .required,
            "The serial port of the arm's adapter, such as /dev/ttyUSB0; 'simulation' means the servos of the "
                + "simulated world."
        ),
        ManifestKey(
            "baud", .integer(9_600...4_500_000), .defaultsTo(1_000_000), unit: "bits per second",
            "The speed that the servos are set to."),
    ]

    private static let armKeys: [ManifestKey] = [
        ManifestKey("calibration", .path(.file), .required, "The arm's kinematics and limits."),
        ManifestKey(
            "control_rate_hz", .number(50...1000), .defaultsTo(100), unit: "Hz",
            "How often the control loop sends a setpoint."),
        ManifestKey(
            "strategy", .choice(Manifest.Arm.Strategy.allCases.map(\.rawValue)), .defaultsTo("receding_horizon"),
            "How chunks follow each other: 'receding_horizon' carries out the first steps of each; 'temporal_ensemble' "
                + "averages what all recent chunks say about a step; 'asynchronous' goes over from one to the next."),
        ManifestKey(
            "execution_horizon", .integer(1...256), .defaultsTo(4), unit: "policy steps",
            "How many actions of a chunk are carried out before a newer one takes over. With 'asynchronous' it is "
                + "fewer where too few would be left for arm.blend_s."),
        ManifestKey(
            "ensemble_weight", .number(-10...10), .defaultsTo(0),
            "With 'temporal_ensemble': k of the weights exp(-k i), i = 0 for the oldest chunk; 0 is the plain mean."),
        ManifestKey(
            "ensemble_size", .integer(1...64), .defaultsTo(4), unit: "policy steps",
            "With 'temporal_ensemble': how many steps of each chunk count."),
        ManifestKey(
            "blend_s", .number(0...60), .defaultsTo(0.4), unit: "s",
            "With 'asynchronous': how long it takes to go over from one chunk to the next."),
        ManifestKey(
            "gripper", .section(gripper), .defaultsTo(.object([:])),
            "What becomes of the gripper's number in an action."),
        ManifestKey(
            "servo_limits", .section(servoLimits), .defaultsTo(.object([:])),
            "When the arm holds because of a joint; the status says which."),
        ManifestKey(
            "dead_man_timeout_s", .number(0.02...1), .defaultsTo(0.25), unit: "s",
            "How long an operator's command moves the arm when no further one comes."),
        ManifestKey(
            "emergency_stop", .choice(Manifest.Arm.EmergencyStop.allCases.map(\.rawValue)), .defaultsTo("hold"),
            "After an emergency stop the arm brakes; then it holds, or with 'torque_off' the servos let go: it sinks "
                + "under its weight and can be moved by hand."),
        ManifestKey(
            "watchdog_s", .number(0.01...60), .defaultsTo(0.6), unit: "s",
            "The arm holds when no fresh chunk came for so long."),
        ManifestKey(
            "state_rate_hz", .number(0.1...1000), .defaultsTo(50), unit: "Hz",
            "How often the arm publishes its "
                + "state."),
        ManifestKey(
            "realtime", .section(realtime), .defaultsTo(.object([:])), "The rights the control loop asks for."),
    ]

    private static let gripper: [ManifestKey] = [
        ManifestKey(
            "mode", .choice(Manifest.Arm.Gripper.Mode.allCases.map(\.rawValue)), .defaultsTo("absolute"),
            "'absolute' takes it as the opening, 'binary' opens or closes fully, 'sticky' does so once enough actions "
                + "in a row ask for it."),
        ManifestKey(
            "threshold", .number(0...1), .defaultsTo(0.5),
            "With 'binary' and 'sticky': numbers below it close the gripper."),
        ManifestKey(
            "sticky_steps", .integer(1...100), .defaultsTo(1), unit: "policy steps",
            "With 'sticky': how many actions in a row must ask for the other state."),
    ]

    /// No wider than what still guards an arm. Shares of the load end at 1, which a servo never exceeds for long: its
    /// own current limit keeps it there. 80 °C is where an XM430 switches itself off (ROBOTIS e-manual, "Temperature
    /// Limit", default 80; XL330 and STS3215: 70). A joint that pushes against something for 5 s has broken it, or
    /// itself.
    private static let servoLimits: [ManifestKey] = [
        ManifestKey(
            "stall_error_rad", .number(0.01...1), .defaultsTo(0.2), unit: "rad",
            "A joint that is so far from its setpoint, pushes and does not come on is blocked."),
        ManifestKey(
            "stall_load", .number(0...1), .defaultsTo(0.5),
            "How hard it must push for that, as a share of what its servo may; servos that do not say count as pushing."
        ),
        ManifestKey("stall_time_s", .number(0.02...5), .defaultsTo(0.5), unit: "s", "How long it must have been so."),
        ManifestKey(
            "overload_load", .number(0.05...1), .defaultsTo(0.95),
            "How hard a joint may push for long, as a share of what its servo may."),
        ManifestKey("overload_time_s", .number(0.02...30), .defaultsTo(1), unit: "s", "How long is too long."),
        ManifestKey(
            "temperature_c", .number(30...80), .defaultsTo(70), unit: "degrees Celsius",
            "How hot a servo may become."),
    ]

    private static let realtime: [ManifestKey] = [
        ManifestKey(
            "priority", .integer(0...99), .defaultsTo(80), "SCHED_FIFO priority; 0 does not ask for it."),
        ManifestKey(
            "lock_memory", .boolean, .defaultsTo(true), "Whether the process's memory is kept from being paged out."),
        ManifestKey("cpu", .integer(0...1023), .optional, "The one CPU the loop runs on. Left out, it is any."),
        ManifestKey(
            "required", .boolean, .defaultsTo(false),
            "Whether the arm refuses to start without these rights; else it says so and goes on."),
    ]

    private static let simulated: [ManifestKey] = [
        ManifestKey(
            "time_constant_s", .number(0.001...10), .defaultsTo(0.08), unit: "s",
            "How slowly the joints follow: after this time 63 % of the way is done."),
        ManifestKey(
            "initial_rad", .numbers(-6.3...6.3, count: 1...8), .optional, unit: "rad",
            "The joints' positions at the start. Left out, they are the calibration's home position."),
    ]

    private static let supervision: [ManifestKey] = [
        ManifestKey(
            "ready_timeout_s", .number(0.1...3600), .defaultsTo(60), unit: "s",
            "How long a process may take until it is ready."),
        ManifestKey(
            "max_restarts", .integer(0...1_000_000), .defaultsTo(5),
            "How often one process is restarted before everything stops. After a minute of undisturbed work its "
                + "earlier failures no longer count."),
        ManifestKey(
            "backoff_s", .number(0.01...60), .defaultsTo(0.2), unit: "s",
            "How long the first restart waits; each further one waits twice as long as the one before."),
        ManifestKey(
            "backoff_max_s", .number(0.01...3600), .defaultsTo(5), unit: "s", "The longest wait before a restart."),
        ManifestKey(
            "status_timeout_s", .number(1...3600), .defaultsTo(5), unit: "s",
            "A process that says nothing for so long is ended and restarted."),
        ManifestKey(
            "stop_timeout_s", .number(0.1...600), .defaultsTo(3), unit: "s",
            "How long a process may take to stop before it is killed."),
    ]
}
