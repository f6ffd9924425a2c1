import Foundation
import JSONTree
import Messages
import TestSupport
import Testing
import Time

extension EndToEnd.ConsoleProtocolTests {
    /// More than a console can take: it refuses, and neither the run nor those who are there notice.
    @Suite struct Limits {
        /// How much more memory the console may have after an attack, kB. What one attack here would fill without
        /// limits is several times as much.
        private static let mostGrowth = 96 * 1_024

        /// More than the console keeps open for one address.
        private static let silentConnections = 200

        private let run: SharedConsole.Run

        init() throws { run = try SharedConsole.run }

        private var port: Int { run.port }

        /// Does something to the console, which afterwards is the same process, in bounded memory, with a page for
        /// those who ask, beside a run that went on.
        private func withstand(_ attack: () throws -> Void) throws {
            let before = try ConsoleStage.residentKilobytes(of: run.process)
            try attack()
            let after = try ConsoleStage.residentKilobytes(of: run.process)
            #expect(after - before < Self.mostGrowth, "\(before) kB became \(after) kB")
            #expect(try ConsoleConnection.get(port, "/").status == 200)
            try run.look { pipeline in
                try pipeline.letTick(20)
                #expect(try pipeline.processID(of: "console") == run.process)
                #expect(pipeline.status["arm"]?.state == .ready)
            }
        }

        @Test func aBodyThatIsTooLongIsNotTakenIn() throws {
            let page = [
                "Content-Type": "application/json", "X-Octo-Console": "1", "Origin": "http://127.0.0.1:\(port)",
            ]
            try withstand {
                // Announced, and refused before it is sent.
                for path in ["/api/command", "/api/jobs", "/login", "/"] {
                    let announced = try ConsoleConnection(port: port)
                    let headers = page.merging(["Content-Length": "1000000000"]) { $1 }
                    announced.send(ConsoleConnection.request(port, "POST", path, headers: headers))
                    #expect(try announced.answer().status == 413, "\(path)")
                }
                // Without a length: as much as the other end takes, up to 400 MB.
                let endless = try ConsoleConnection(port: port)
                let headers = page.merging(["Transfer-Encoding": "chunked"]) { $1 }
                endless.send(ConsoleConnection.request(port, "POST", "/api/command", headers: headers))
                let chunk = Array("100000\r\n".utf8) + [UInt8](repeating: 0x20, count: 1 << 20) + Array("\r\n".utf8)
                for _ in 0..<400 { guard endless.send(chunk) else { break } }
                #expect(endless.waitForEnd(limit: 20), "it listens to the end")
                for length in ["-1", "x", "99999999999999999999999", "1, 2"] {
                    let odd = try ConsoleConnection(port: port)
                    odd.send(
                        ConsoleConnection.request(
                            port, "POST", "/api/command", headers: page.merging(["Content-Length": length]) { $1 }))
                    let answer = try? odd.answer()
                    let isRefused = answer.map { 400..<500 ~= $0.status } ?? odd.isClosed
                    #expect(isRefused, "\(length): \(String(describing: answer))")
                }
            }
        }

        @Test func aHeadWithoutAnEndIsNotTakenIn() throws {
            try withstand {
                let connection = try ConsoleConnection(port: port)
                connection.send("GET / HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n")
                let line = Array("X-Padding: \(String(repeating: "a", count: 65_000))\r\n".utf8)
                // 200 MB, or until nobody listens any more.
                for _ in 0..<3_000 { guard connection.send(line) else { break } }
                #expect(connection.waitForEnd(limit: 20), "it listens to the end")
            }
        }

        @Test(arguments: ["", "GET / HT", "POST /api/command HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"])
        func thoseWhoSayNothingKeepNobodyWaiting(start: String) throws {
            try withstand {
                let silent = (0..<Self.silentConnections).compactMap { _ in try? ConsoleConnection(port: port) }
                for connection in silent { connection.send(start) }
                #expect(silent.count > 100)
                for _ in 0..<5 { #expect(try ConsoleConnection.get(port, "/").status == 200) }
                let page = try RawWebSocket(port: port)
                try page.message("hello")
                try page.message("clock")
            }
        }

        @Test func moreViewersThanMayBeAreTurnedAway() throws {
            try withstand {
                var viewers: [RawWebSocket] = []
                var refused: [Int] = []
                for _ in 0..<200 {
                    do {
                        let viewer = try RawWebSocket(port: port)
                        viewer.send(Self.watch)
                        viewers.append(viewer)
                    } catch let refusal as RawWebSocket.Refused {
                        refused.append(refusal.answer.status)
                    }
                }
                #expect(viewers.count == 16, "console.viewers")
                #expect(refused.count == 184 && Set(refused) == [503], "\(Set(refused))")
                // Those who are in see one another, and all there is to see.
                try #require(viewers.first).wait(for: "all of them") { $0["viewers"]?.array?.count == 16 }
                for viewer in viewers { try Self.seePictures(8, viewer) }
                // Whoever leaves makes room.
                viewers.removeFirst()
                let late = try Browser.poll("room for another viewer", limit: 20) { try? RawWebSocket(port: port) }
                try late.message("hello")
            }
            // All have gone.
            try run.look { try $0.wait(for: "the viewers to be gone") { $0.count("viewers", of: "console") == 0 } }
        }

        /// Says for long that it wants everything, and takes nothing.
        @Test func aViewerThatReadsSlowlyLosesPicturesAndCostsNoMemory() throws {
            try withstand {
                let slow = try RawWebSocket(port: port, receiveBuffer: 4_096)
                slow.send(Self.watch)
                let quick = try RawWebSocket(port: port)
                quick.send(Self.watch)
                try Self.seePictures(300, quick)
                // What was dropped is counted, and what comes at last is new.
                let dropped = try slow.wait(for: "word of what was dropped") {
                    $0["type"]?.string == "dropped" && ($0["pictures"]?.int ?? 0) > 0
                }
                #expect(dropped["pictures"]?.int ?? 0 > 0)
            }
        }

        /// One viewer takes nothing of all that it asked for, for a minute, and another sees everything meanwhile. The
        /// first may be sent away: it answers no ping.
        @Test func aViewerThatReadsNothingForAMinuteCostsNoMemory() throws {
            try withstand {
                let silent = try RawWebSocket(port: port, receiveBuffer: 4_096)
                silent.send(Self.watch)
                let quick = try RawWebSocket(port: port)
                quick.send(Self.watch)
                let end = MonotonicTime.now() + .seconds(60)
                while MonotonicTime.now() < end { try Self.seePictures(100, quick) }
                withExtendedLifetime(silent) {}
            }
        }

        /// A page that goes while its next picture is on the way leaves nothing behind for which the next one, that
        /// may get the same descriptor, has to wait.
        @Test func pagesThatBreakOffKeepNobodyWaiting() throws {
            try withstand {
                for _ in 0..<60 {
                    let page = try RawWebSocket(port: port)
                    try page.message("hello")
                    page.send(Self.watch)
                    // A word of ours that is answered shows that it is heard.
                    page.send(opcode: 9, Array("here".utf8))
                    try Self.seePictures(1, page)
                }
            }
        }

        @Test func aViewerWhoTalksWithoutEndIsSentAway() throws {
            try withstand {
                let talker = try RawWebSocket(port: port)
                try talker.message("hello")
                let alive = Array(#"{"type": "alive"}"#.utf8)
                for _ in 0..<50_000 { guard talker.send(opcode: 1, alive) else { break } }
                #expect(talker.connection.waitForEnd(limit: 20))
            }
        }

        /// Frames that RFC 6455 forbids, messages that are too long, and such as say nothing that a page says.
        @Test(
            arguments: [
                (1, "{"), (1, "[]"), (1, #"{"type": "fly"}"#), (1, #"{"type": "watch", "cameras": 7}"#),
                (1, #"{"type": "drive", "dead_man": true, "linear": [1, 2], "angular": null}"#),
                (1, #"{"type": "drive", "dead_man": true, "linear": [1e999, 0, 0], "angular": [0, 0, 0]}"#),
                (2, "\u{1}\u{2}\u{3}"), (0, "the end of nothing"), (3, "a kind that is reserved"), (8, ""),
                (1, String(repeating: "[", count: 100_000)), (1, String(repeating: "x", count: 4 << 20)),
            ] as [(UInt8, String)])
        func messagesThatNoPageSendsHarmNobody(opcode: UInt8, text: String) throws {
            try withstand {
                let odd = try RawWebSocket(port: port)
                try odd.message("hello")
                odd.send(opcode: opcode, Array(text.utf8))
                let other = try RawWebSocket(port: port)
                try other.message("hello")
                run.look { #expect($0.armState?.mode != .manual) }
            }
        }

        /// A client's frame without a mask, with bits that nobody agreed on, and a length that nobody sends.
        @Test(
            arguments: [
                [0x81, 0x02, 0x7b, 0x7d], [0xf1, 0x80, 1, 2, 3, 4],
                [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5],
            ] as [[UInt8]])
        func brokenFramesEndTheConnection(bytes: [UInt8]) throws {
            try withstand {
                let odd = try RawWebSocket(port: port)
                try odd.message("hello")
                odd.connection.send(bytes)
                // A message that was announced as long is ended as soon as it is.
                odd.connection.send([UInt8](repeating: 0, count: 1 << 20))
                #expect(odd.connection.waitForEnd(limit: 20))
            }
        }

        private static let watch: JSONNode = .object([
            "type": "watch", "cameras": ["primary", "wrist"], "network": true, "rate_hz": 60,
        ])

        /// Takes so many pictures, each of which is whole, and newer than the one before of the same camera.
        private static func seePictures(_ count: Int, _ viewer: RawWebSocket) throws {
            var newest: [String: Int] = [:]
            var seen = 0
            let deadline = MonotonicTime.now() + .seconds(60)
            while seen < count {
                guard case .binary(let bytes) = try viewer.receive(until: deadline) else { continue }
                let length = Int(bytes[0]) | Int(bytes[1]) << 8
                let head = try JSONNode(parsing: bytes[2..<(2 + length)])
                let stream = "\(head["kind"]?.string ?? "") \(head["camera"]?.string ?? "")"
                let time = try #require(head["capture_ns"]?.int)
                #expect(time > newest[stream] ?? 0, "\(stream)")
                newest[stream] = time
                #expect(bytes[(2 + length)...].starts(with: [0xff, 0xd8, 0xff]), "a JPEG")
                seen += 1
            }
        }
    }
}
