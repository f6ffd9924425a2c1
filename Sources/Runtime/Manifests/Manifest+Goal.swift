import Messages

extension Manifest {
    /// What the robot shall reach.
    package struct Goal: Equatable, Sendable {
        package enum Source: Equatable, Sendable {
            case none
            /// Sorted by camera; absolute paths.
            case images([CameraFile])
            /// One frame of a recorded folder; `frame` counts from 0, or from the end when negative.
            case episode(folder: String, frame: Int, patterns: [CameraPattern])
            /// `text` alone.
            case text
            /// A recorded goal; `name` says which.
            case library
        }
        package struct CameraFile: Equatable, Sendable {
            package var camera: String
            package var path: String
        }
        package struct CameraPattern: Equatable, Sendable {
            package var camera: String
            package var pattern: String
        }
        package var source: Source
        package var text: String?
        package var name: String?
        package var use: GoalUse
        /// Absolute path of the goal library; it may not be there yet.
        package var library: String
        /// Name of the machine in `hosts` that the goal node runs on; nil: this one.
        package var host: String?

        /// The sentence, if the policy is given it.
        package var usedText: String? {
            switch source {
            case .images, .episode: use == .both ? text : nil
            case .none, .text, .library: text
            }
        }

        /// Whether goals come of the library, whose records may say the task's numbers.
        package var mayBringNumbers: Bool {
            switch source {
            case .images, .episode: false
            case .none, .text, .library: true
            }
        }
    }
}

extension Manifest.Goal {
    /// The form of the section `goal`.
    /// - Parameter cameras: the manifest's cameras; an episode that says nothing of cameras is for all of them.
    static func form(_ cameras: [Manifest.Camera]) -> ManifestForm<Self> {
        .variants(
            ManifestName.Goal.source.rawValue,
            "'none': no goal; 'images': an image file for each camera; 'episode': one frame of a recorded folder; "
                + "'text': a sentence alone; 'library': a goal that was recorded.",
            [
                .init("none") { keys in Self(.none, text: nil, name: nil, &keys) },
                .init(ManifestName.Goal.images.rawValue) { keys in
                    let images = keys.required(
                        ManifestName.Goal.images.rawValue, .named(.file), "The goal as each camera shall see it.")
                    return Self(labelled: .images(images.map { .init(camera: $0.name, path: $0.value) }), &keys)
                },
                .init(ManifestName.episode) { keys in Self(labelled: episode(cameras, &keys), &keys) },
                .init("text") { keys in
                    let text = keys.required("text", .text, "The task as a sentence.")
                    return Self(.text, text: text, name: label(&keys), &keys)
                },
                .init("library") { keys in
                    let name = keys.required(
                        "name", .text, "The goal's name in the library, as 'octo-goal list' shows it.")
                    return Self(.library, text: nil, name: name, &keys)
                },
            ])
    }

    private static func episode(_ cameras: [Manifest.Camera], _ keys: inout ManifestKeys) -> Source {
        .episode(
            folder: keys.required(
                ManifestName.Goal.folder.rawValue, .folder, "The folder with the episode's image files."),
            frame: keys.value(
                ManifestName.Goal.frame.rawValue, .integer(-1_000_000...1_000_000), default: -1,
                "Which frame is the goal, from 0; negative numbers count from the end, -1 is the last."),
            patterns: keys.optional(
                ManifestName.Goal.patterns.rawValue, .named(.fileNamePattern),
                "For each camera the goal is for: which files of the folder are its frames. Left out, it is every "
                    + "camera with its own pattern."
            )?.map { CameraPattern(camera: $0.name, pattern: $0.value) }
                ?? cameras.map { CameraPattern(camera: $0.name, pattern: $0.pattern ?? "*") })
    }

    private static func label(_ keys: inout ManifestKeys) -> String? {
        keys.optional(
            "name", .text, "What people call the goal. Left out, it is named after its source.")
    }

    /// A goal of pictures, which may have a sentence beside them.
    private init(labelled source: Source, _ keys: inout ManifestKeys) {
        let text = keys.optional("text", .text, "The task as a sentence, for checkpoints that read language.")
        self.init(source, text: text, name: Self.label(&keys), &keys)
    }

    private init(_ source: Source, text: String?, name: String?, _ keys: inout ManifestKeys) {
        self.source = source
        self.text = text
        self.name = name
        use = keys.value(
            "use", .choice, default: .images,
            "What the policy is given of a goal that has pictures and a sentence: its 'images' alone, as Octo was "
                + "trained with one of them at a time, or 'both', for checkpoints that were fine-tuned so. A goal "
                + "without pictures is its sentence.")
        host = keys.optional(
            ManifestName.nodeHost, .name(separator: "_"), Manifest.meaningOfNodeHost)
        library = keys.folder(
            "library", elseStartingFolder: "goals",
            "The folder with the recorded goals, which octo-goal reads and writes while the run lasts. Left out, it "
                + "is 'goals' in the folder that octo-launch was started in.")
    }
}
