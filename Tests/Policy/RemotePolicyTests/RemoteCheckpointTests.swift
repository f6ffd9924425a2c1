import Files
import JSONTree
import ManifestSamples
import Manifests
import Messages
import Policy
import RemotePolicy
import TestSupport
import Testing

/// What a robot is told of a checkpoint that it does not have.
@Suite struct RemoteCheckpointTests {
    private static func words(readsArm: Bool = true) throws -> (body: JSONNode, parts: [SharedBytes]) {
        let scene = RemoteScene(seed: 1, readsArm: readsArm)
        return try RemoteCheckpoint(scene.configuration, texts: .none, name: "table step 3").words
    }

    @Test(arguments: [true, false])
    func itComesBackAsItWas(readsArm: Bool) throws {
        let scene = RemoteScene(seed: 1, readsArm: readsArm)
        let (body, parts) = try Self.words(readsArm: readsArm)
        // Through its text, as over a link.
        let read = try RemoteCheckpoint(body: JSONNode(parsing: body.text().utf8), parts: parts)
        let expected = scene.configuration
        #expect(read.cameras == expected.cameras && read.windowSize == expected.windowSize)
        #expect(read.actionDimension == expected.actionDimension && read.name == "table step 3")
        #expect(read.proprio == expected.proprio && read.taskNumbers == expected.taskNumbers)
    }

    @Test func textsOfACheckpointWithoutItsTokenizerAreMissing() throws {
        let scene = RemoteScene(seed: 1)
        let reading = TaskTextReading(withoutTokenizerAt: "/big/spiece.model")
        let (body, parts) = try RemoteCheckpoint(scene.configuration, texts: reading, name: "n").words
        let read = try RemoteCheckpoint(body: body, parts: parts).textReading()
        #expect(read.missingTokenizer == "/big/spiece.model" && read.hasLanguage)
    }

    @Test func whateverIsSaidIsReadOrRefusedByName() throws {
        let seed = SeededGenerator.freshSeed()
        var random = SeededGenerator(seed: seed)
        let (body, _) = try Self.words()
        let members = try #require(body.object)
        for member in members where member.key != "proprio" {
            let without = JSONNode(.object(members.filter { $0.key != member.key }))
            #expect(throws: RemoteWordError.self, "\(member.key)") { try RemoteCheckpoint(body: without, parts: []) }
        }
        for _ in 0..<2_000 {
            var changed = members
            let index = Int.random(in: 0..<changed.count, using: &random)
            changed[index].value =
                ([nil, -1, 1e300, "x", [], .object([:]), [1], true] as [JSONNode]).randomElement(using: &random) ?? nil
            do throws(RemoteWordError) {
                _ = try RemoteCheckpoint(body: JSONNode(.object(changed)), parts: [])
            } catch {
                #expect(!error.found.isEmpty, "seed \(seed)")
            }
        }
    }

    @Test func aTokenizerThatIsNoModelIsRefused() throws {
        let (body, _) = try Self.words()
        let texts: JSONNode = .object(["path": "/big/spiece.model", "length": 16])
        let read = try RemoteCheckpoint(
            body: body.with("texts", texts), parts: [SharedBytes(copying: [1, 2, 3])])
        #expect(throws: (any Error).self) { try read.textReading() }
        #expect(throws: RemoteWordError.self) { try RemoteCheckpoint(body: body.with("texts", texts), parts: []) }
    }
}
