import Files
import Goals
import JSONTree
import Time

/// A job with the program that does it.
struct ConsoleJobPlan {
    /// Forms in which an episode can be exported; the raw values are also octo-replay's options.
    private enum Form: String, CaseIterable {
        case rlds, lerobot
    }

    let kind: ConsoleJob.Kind
    var subject = ""
    var program = ""
    var arguments: [String] = []
    /// What is added to the program's result.
    var extra: [JSONNode.Member] = []

    /// Reads a request strictly, and finds the program and its arguments.
    init(_ json: JSONNode, _ context: ConsoleJobContext) throws(ConsoleJobRefusal) {
        let reader = JSONReader()
        guard json.object != nil, let kind: ConsoleJob.Kind = reader.choice(json["kind"], at: "kind") else {
            let known = ConsoleJob.Kind.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw .malformed([
                "found \(json["kind"]?.brief ?? json.kind), expected an object with a \"kind\" among \(known)"
            ])
        }
        self.kind = kind
        switch kind {
        case .rank: try planRank(json, reader, context)
        case .probe: try planProbe(json, reader, context)
        case .verify: try planVerify(json, reader, context)
        case .export: try planExport(json, reader, context)
        case .fromEpisode: try planFromEpisode(json, reader, context)
        }
    }

    private mutating func planRank(
        _ json: JSONNode, _ reader: JSONReader, _ context: ConsoleJobContext
    ) throws(ConsoleJobRefusal) {
        reader.expectKeys(["kind"], of: json, at: "")
        try Self.check(reader)
        guard let run = context.run else { throw .noRun(kind) }
        (program, arguments) = ("octo-goal", ["rank", "--json", "--run", run, "--library", context.goals])
    }

    private mutating func planProbe(
        _ json: JSONNode, _ reader: JSONReader, _ context: ConsoleJobContext
    ) throws(ConsoleJobRefusal) {
        reader.expectKeys(["kind", "name"], optional: ["name"], of: json, at: "")
        let name = json["name"].map { Self.goalName($0, reader) }
        try Self.check(reader)
        guard let run = context.run else { throw .noRun(kind) }
        subject = name ?? ""
        (program, arguments) = ("octo-goal", ["probe", "--json", "--run", run, "--library", context.goals])
        // Names may begin with a dash.
        if let name { arguments += ["--", name] }
    }

    private mutating func planVerify(
        _ json: JSONNode, _ reader: JSONReader, _ context: ConsoleJobContext
    ) throws(ConsoleJobRefusal) {
        reader.expectKeys(["kind", "episode"], of: json, at: "")
        subject = reader.string(json["episode"], at: "episode")
        try Self.check(reader)
        (program, arguments) = ("octo-replay", ["verify", "--json", "--", try Self.path(of: subject, context)])
    }

    private mutating func planExport(
        _ json: JSONNode, _ reader: JSONReader, _ context: ConsoleJobContext
    ) throws(ConsoleJobRefusal) {
        reader.expectKeys(["kind", "episode", "format"], of: json, at: "")
        subject = reader.string(json["episode"], at: "episode")
        let form: Form? = reader.choice(json["format"], at: "format")
        try Self.check(reader)
        guard let form else { return }
        let path = try Self.path(of: subject, context)
        let exports = context.exports ?? FileSystem.folder(of: path) + "/" + EpisodePlace.exports
        let name = (subject.hasSuffix(".mcap") ? String(subject.dropLast(5)) : subject) + "-" + form.rawValue
        // Nothing that is there already is written over.
        let taken = context.names(exports)
        var free = name
        var number = 1
        while taken.contains(free) {
            number += 1
            free = "\(name)-\(number)"
        }
        let folder = "\(exports)/\(free)"
        extra = [.init(key: "folder", value: JSONNode(folder))]
        (program, arguments) = ("octo-replay", ["export", "--json", "--\(form.rawValue)", folder, "--", path])
    }

    private mutating func planFromEpisode(
        _ json: JSONNode, _ reader: JSONReader, _ context: ConsoleJobContext
    ) throws(ConsoleJobRefusal) {
        reader.expectKeys(
            ["kind", "episode", "camera_index", "time_ns", "name"], optional: ["camera_index", "time_ns"], of: json,
            at: "")
        let episode = reader.string(json["episode"], at: "episode")
        let name = json["name"].map { Self.goalName($0, reader) } ?? ""
        let moment = Self.moment(json, reader)
        try Self.check(reader)
        guard let moment else { return }
        subject = name
        let path = try Self.path(of: episode, context)
        let frame: Int
        do throws(EpisodeShelfError) {
            frame = try context.frame(episode, moment)
        } catch {
            throw .episode(error)
        }
        extra = [
            .init(key: "goal", value: JSONNode(name)), .init(key: "episode", value: JSONNode(episode)),
            .init(key: "frame", value: JSONNode(frame)),
        ]
        (program, arguments) = (
            "octo-goal", ["from-episode", "--library", context.goals, "--", "\(path):\(frame)", name]
        )
    }

    private static func moment(_ json: JSONNode, _ reader: JSONReader) -> EpisodeMoment? {
        switch (json["camera_index"], json["time_ns"]) {
        case (let place?, nil):
            guard reader.expectKeys(["camera", "index"], of: place, at: "camera_index") else { return nil }
            let camera = reader.string(place["camera"], at: "camera_index.camera")
            let index = reader.integer(place["index"], at: "camera_index.index", in: 0...Int.max)
            return index.map { .frame(camera: camera, index: $0) }
        case (nil, let time?):
            return reader.integer(time, at: "time_ns", in: 0...Int.max).map {
                .time(MonotonicTime(nanoseconds: Int64($0)))
            }
        case (nil, nil), (_?, _?):
            reader.report(json, "camera_index", "expected this or time_ns, one of them")
            return nil
        }
    }

    private static func goalName(_ node: JSONNode, _ reader: JSONReader) -> String {
        guard let name = node.string, GoalRecord.isName(name) else {
            reader.report(
                node, "name", expected: "1 to 64 letters, digits, '.', '_' or '-', no dot at the start")
            return ""
        }
        return name
    }

    private static func path(of episode: String, _ context: ConsoleJobContext) throws(ConsoleJobRefusal) -> String {
        do throws(EpisodeShelfError) {
            return try context.path(episode)
        } catch {
            throw .episode(error)
        }
    }

    private static func check(_ reader: JSONReader) throws(ConsoleJobRefusal) {
        guard reader.problems.isEmpty else { throw .malformed(reader.problems.map { "\($0)" }) }
    }
}
