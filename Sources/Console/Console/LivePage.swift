import Time

/// A page that is connected: what it wants to see, and what waits for it.
struct LivePage: Sendable {
    let id: Int
    let mayOperate: Bool
    /// Address of the browser.
    let address: String
    var queue = LiveQueue()
    private var cameras: Set<String> = []
    private(set) var wantsNetwork = false
    private var period = Duration.milliseconds(33)
    private var offered: [String: MonotonicTime] = [:]
    /// Drops that the page has been told of.
    var toldPictures = 0
    var toldMessages = 0

    init(id: Int, mayOperate: Bool, address: String) {
        self.id = id
        self.mayOperate = mayOperate
        self.address = address
    }

    mutating func watch(cameras: Set<String>, network: Bool, hertz: Double) {
        self.cameras = cameras
        wantsNetwork = network
        period = .fromSeconds(1 / hertz)
        queue.removePictures { stream in
            stream.hasPrefix("network/") ? !network : !cameras.contains(String(stream.dropFirst("frame/".count)))
        }
    }

    func wants(frameOf camera: String) -> Bool { cameras.contains(camera) }

    /// Takes a picture, unless it comes sooner than the page wants one.
    mutating func offer(_ picture: LivePicture, at now: MonotonicTime) {
        // Cameras are not that punctual: what comes a little early is taken.
        if let last = offered[picture.stream], now - last < period * 0.8 { return }
        offered[picture.stream] = now
        queue.replace(picture)
    }
}
