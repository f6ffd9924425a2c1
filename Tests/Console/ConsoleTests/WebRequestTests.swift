import Console
import Testing

@Suite struct WebRequestTests {
    @Test(arguments: [
        ("/api/goals/red%20cup", ["api", "goals", "red cup"]), ("/", []), ("/a//b/", ["a", "b"]),
        ("/%F0%9F%A4%96", ["🤖"]),
    ]) func partsAreDecoded(path: String, parts: [String]) {
        #expect(WebRequest(path: path).parts == parts)
    }

    @Test(arguments: [
        "/..", "/a/../b", "/%2e%2e/b", "/a%2Fb", "/a%00", "/%", "/%4", "/%zz", "/%+4", "/%FF", "/./a", "/a/%2E",
    ]) func pathsThatLeaveTheirFolderHaveNoParts(path: String) {
        #expect(WebRequest(path: path).parts == nil)
    }
}
