import Console
import Files
import Foundation
import Goals
import Images
import JSONTree
import TestSupport
import Testing
import Time

@Suite struct GoalShelfTests {
    private static let taken = WallTime(seconds: 1_709_208_000)
    private let temporary: TemporaryFolder
    private let library: GoalLibrary
    private let shelf: GoalShelf

    init() throws {
        temporary = try TemporaryFolder()
        library = GoalLibrary(folder: temporary.file("goals"))
        shelf = GoalShelf(folder: library.folder)
    }

    private func save(_ name: String, text: String? = nil, seed: Int = 1, replaces: Bool = false) throws {
        let record = GoalRecord(
            name: name, recorded: Self.taken, origin: .teleop, text: text,
            views: [
                .init(camera: "wrist", image: RGBImage.waves(width: 40, height: 40, seed: seed + 1)),
                .init(camera: "primary", image: RGBImage.waves(width: 64, height: 48, seed: seed)),
            ])
        try library.save(record, replaces: replaces)
    }

    private func get(_ path: String, _ query: [String: String] = [:]) throws -> WebResponse {
        try #require(
            shelf.answer(WebRequest(path: path, query: query), at: WallTime(seconds: Self.taken.seconds + 90)))
    }

    private func goals() throws -> [JSONNode] {
        let answer = try get("/api/goals")
        #expect(answer.status == 200)
        return try #require(try JSONNode(parsing: answer.body)["goals"]?.array)
    }

    @Test func thereIsNoLibraryYet() throws {
        let answer = try JSONNode(parsing: get("/api/goals").body)
        #expect(answer["folder"]?.string == library.folder)
        #expect(answer["goals"]?.array?.isEmpty == true)
    }

    @Test func goalsAreListedWithWhatIsKnownOfThem() throws {
        try save("cup", text: "<b>the \"cup\"</b> 🍵")
        try save("-plate.2")
        let goals = try goals()
        #expect(goals.map { $0["name"]?.string } == ["-plate.2", "cup"])
        let cup = try #require(goals.last)
        #expect(cup["text"]?.string == "<b>the \"cup\"</b> 🍵")
        #expect(cup["time"]?.string == Self.taken.description)
        #expect(cup["age_s"]?.int == 90)
        #expect(cup["origin"]?.string == "teleop")
        #expect(cup["cameras"] == ["primary", "wrist"])
        #expect(cup["problem"] == nil)
        #expect(goals.first?["text"]?.isNull == true)
    }

    @Test func aDamagedGoalIsListedWithWhatIsWrong() throws {
        try save("cup")
        try save("plate")
        #expect(try goals().allSatisfy { $0["problem"] == nil })
        try temporary.write(Array("{".utf8), to: "goals/cup/goal.json")
        let goals = try goals()
        #expect(goals.map { $0["name"]?.string } == ["cup", "plate"])
        #expect(goals[0]["problem"]?.string?.contains("goal.json") == true)
        #expect(goals[1]["problem"] == nil)
        #expect(try get("/picture/goals/cup/primary.jpg").status == 409)
    }

    @Test func picturesAreOfTheirCameraAndWidth() throws {
        try save("cup")
        let answer = try get("/picture/goals/cup/primary.jpg")
        #expect(answer.headers["Content-Type"] == "image/jpeg")
        let whole = try RGBImage(decoding: SharedBytes(copying: answer.body), source: "answer")
        #expect(whole.width == 64 && whole.height == 48)
        let small = try RGBImage(
            decoding: SharedBytes(copying: get("/picture/goals/cup/primary.jpg", ["width": "32"]).body), source: "small"
        )
        #expect(small.width == 32 && small.height == 24)
        // Nothing is scaled up, and what was asked for before is not taken for this.
        #expect(try get("/picture/goals/cup/primary.jpg", ["width": "320"]).body == answer.body)
        #expect(try get("/picture/goals/cup/primary.jpg") == answer)
    }

    @Test func aGoalThatWasTakenAnewHasItsNewPicture() throws {
        try save("cup")
        let before = try get("/picture/goals/cup/primary.jpg")
        try save("cup", text: "again", seed: 5, replaces: true)
        #expect(try get("/picture/goals/cup/primary.jpg").body != before.body)
        #expect(try goals().first?["text"]?.string == "again")
    }

    @Test(arguments: ["0", "-1", "15", "4097", "wide", "", "32px", "99999999999999999999"])
    func widthsAreChecked(width: String) throws {
        try save("cup")
        #expect(try get("/picture/goals/cup/primary.jpg", ["width": width]).status == 400)
    }

    @Test(arguments: [
        "/picture/goals/../cup/primary.jpg", "/picture/goals/%2e%2e/primary.jpg",
        "/picture/goals/..%2Fgoals/primary.jpg",
        "/picture/goals/cup/..%2F..%2Fsecret.jpg", "/picture/goals/cup/primary.png", "/picture/goals/cup/none.jpg",
        "/picture/goals/%3Cscript%3E/primary.jpg", "/picture/goals/red%20cup/primary.jpg",
        "/picture/goals/.hidden/primary.jpg",
        "/picture/goals/%F0%9F%A4%96/primary.jpg", "/picture/goals/%FF/primary.jpg", "/picture/goals/cup",
        "/picture/goals/cup%00/primary.jpg", "/api/goals/cup", "/picture/goals",
    ]) func whatIsNotThereIsSaidInWords(path: String) throws {
        try save("cup")
        try temporary.write(library.folder.utf8, to: "secret.jpg")
        let answer = try get(path)
        #expect(answer.status == 404)
        #expect(try JSONNode(parsing: answer.body)["error"]?.string?.isEmpty == false)
        #expect(answer.headers["Content-Type"]?.hasPrefix("application/json") == true)
    }

    @Test(arguments: ["/", "/api/goalsx", "/api/episodes", "/picture/goal/primary.jpg"])
    func otherAddressesAreForOthers(path: String) {
        #expect(shelf.answer(WebRequest(path: path), at: Self.taken) == nil)
    }

    @Test func nothingIsChangedByARequest() throws {
        try save("cup")
        for method in ["POST", "DELETE", "PUT"] {
            let answer = shelf.answer(WebRequest(method: method, path: "/api/goals"), at: Self.taken)
            #expect(answer?.status == 405)
        }
        #expect(try goals().count == 1)
    }

    @Test func aGoalIsDeletedForGood() throws {
        try save("cup")
        _ = try get("/picture/goals/cup/primary.jpg")
        try shelf.delete("cup")
        #expect(try goals().isEmpty)
        #expect(try get("/picture/goals/cup/primary.jpg").status == 404)
        #expect(throws: GoalLibraryError.self) { try shelf.delete("cup") }
        #expect(throws: GoalLibraryError.badName("../goals")) { try shelf.delete("../goals") }
        #expect(FileSystem.isFolder(library.folder))
    }
}
