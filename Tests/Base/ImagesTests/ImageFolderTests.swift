import Files
import Images
import TestSupport
import Testing

@Suite struct ImageFolderTests {
    @Test func sortsNumbersByTheirValue() {
        let sorted = ["image_0_10.png", "image_0_9.png", "a", "image_0_009.png", "image_0.png", "image_1_1.png", ""]
            .sorted(by: ImageFolder.precedes)
        #expect(
            sorted == ["", "a", "image_0.png", "image_0_009.png", "image_0_9.png", "image_0_10.png", "image_1_1.png"])
    }

    @Test func numbersLongerThanAnyIntegerStillCompare() {
        let (small, large) = ("x" + String(repeating: "9", count: 40), "x1" + String(repeating: "0", count: 40))
        #expect(ImageFolder.precedes(small, large) && !ImageFolder.precedes(large, small))
    }

    @Test func theOrderIsTotal() {
        var generator = SeededGenerator(seed: 9)
        let alphabet = Array("0019a_é")
        let names = (0..<60).map { _ in
            String(
                (0..<Int.random(in: 0...5, using: &generator)).map { _ in
                    alphabet.randomElement(using: &generator) ?? "0"
                })
        }
        for a in names {
            for b in names {
                let comment: Comment = "seed \(generator.seed): '\(a)' and '\(b)'"
                #expect((a == b) == (!ImageFolder.precedes(a, b) && !ImageFolder.precedes(b, a)), comment)
                #expect(!(ImageFolder.precedes(a, b) && ImageFolder.precedes(b, a)), comment)
                for c in names where ImageFolder.precedes(a, b) && ImageFolder.precedes(b, c) {
                    #expect(ImageFolder.precedes(a, c), "seed \(generator.seed): '\(a)', '\(b)', '\(c)'")
                }
            }
        }
    }

    @Test func listsWhatMatches() throws {
        let folder = try TemporaryFolder()
        for name in ["image_0_2.png", "image_0_10.png", "image_1_1.png", "notes.txt", ".hidden.png", "shot.JPG"] {
            try folder.write([], to: name)
        }
        #expect(
            try ImageFolder(path: folder.path, pattern: "image_0_*.png").names == ["image_0_2.png", "image_0_10.png"])
        #expect(try ImageFolder(path: folder.path, pattern: "image_?_1.png").names == ["image_1_1.png"])
        let all = try ImageFolder(path: folder.path)
        #expect(all.names == ["image_0_2.png", "image_0_10.png", "image_1_1.png", "shot.JPG"])
        #expect(all.allNames.contains("notes.txt") && !all.allNames.contains(".hidden.png"))
        #expect(all.paths.first == folder.file("image_0_2.png"))
    }

    @Test func aMissingFolderIsAnError() {
        #expect(throws: FileError.missing(path: "/no/such/folder")) { try ImageFolder(path: "/no/such/folder") }
    }

    @Test(arguments: [nil, "*"] as [String?])
    func whatIsNoPictureIsLeftOutUnlessItIsNamed(pattern: String?) throws {
        let folder = try TemporaryFolder()
        for name in ["a.png", "b.JPG", "c.jpeg", "episode.json", ".d.png", "notes"] {
            _ = try folder.write([1], to: name)
        }
        #expect(try ImageFolder(path: folder.path, pattern: pattern).names == ["a.png", "b.JPG", "c.jpeg"])
        #expect(try ImageFolder(path: folder.path, pattern: "episode*").names == ["episode.json"])
    }
}
