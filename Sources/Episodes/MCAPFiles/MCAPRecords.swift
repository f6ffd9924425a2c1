/// The records of an MCAP file, version 0, as values. Times are in nanoseconds since an epoch of the file's own choice,
/// offsets count bytes from the start of the file. Source of names and meanings: the MCAP specification.
package enum MCAP {
    /// The first and the last bytes of a file: 0x89 "MCAP0" CR LF.
    package static let magic: [UInt8] = [0x89, 0x4D, 0x43, 0x41, 0x50, 0x30, 0x0D, 0x0A]
    /// Number of bytes of opcode and length in front of a record's content.
    package static let recordPrefixBytes = 9
    /// A footer with its prefix; it is never longer.
    static let footerBytes = 29

    /// The first byte of a record. 0 is none; from 0x80 on they are private.
    package enum Opcode: UInt8, CaseIterable, Sendable {
        case header = 1
        case footer, schema, channel, message, chunk, messageIndex, chunkIndex, attachment, attachmentIndex, statistics
        case metadata, metadataIndex, summaryOffset, dataEnd
    }

    /// The first record: which profile the file follows, and what wrote it.
    package struct Header: Equatable, Sendable {
        package var profile: String
        package var library: String

        package init(profile: String = "", library: String = "") {
            self.profile = profile
            self.library = library
        }
    }

    /// The last record: where the summary is.
    package struct Footer: Equatable, Sendable {
        /// Offset of the first summary record; 0 if there is none.
        package var summaryStart: UInt64
        /// Offset of the first SummaryOffset; 0 if there is none.
        package var summaryOffsetStart: UInt64
        /// CRC-32 from `summaryStart` up to this field; 0 when not computed.
        package var summaryCRC: UInt32

        package init(summaryStart: UInt64, summaryOffsetStart: UInt64, summaryCRC: UInt32) {
            self.summaryStart = summaryStart
            self.summaryOffsetStart = summaryOffsetStart
            self.summaryCRC = summaryCRC
        }
    }

    /// The definition of a message type.
    package struct Schema: Equatable, Sendable {
        /// Id of the schema, not 0: that is what a channel without one has.
        package var id: UInt16
        package var name: String
        package var encoding: String
        /// The schema itself: for protobuf a serialised FileDescriptorSet with all imports.
        package var data: [UInt8]

        package init(id: UInt16, name: String, encoding: String, data: [UInt8]) {
            self.id = id
            self.name = name
            self.encoding = encoding
            self.data = data
        }
    }

    /// A stream of messages of one topic and one schema.
    package struct Channel: Equatable, Sendable {
        package var id: UInt16
        /// Id of the channel's schema; 0 for none.
        package var schemaID: UInt16
        package var topic: String
        package var messageEncoding: String
        package var metadata: [String: String]

        package init(
            id: UInt16, schemaID: UInt16, topic: String, messageEncoding: String, metadata: [String: String] = [:]
        ) {
            self.id = id
            self.schemaID = schemaID
            self.topic = topic
            self.messageEncoding = messageEncoding
            self.metadata = metadata
        }
    }

    /// One message, with the time at which the recorder had it.
    package struct Message: Equatable, Sendable {
        package var channelID: UInt16
        /// Number of the message by its publisher's count; 0 when not counted.
        package var sequence: UInt32
        /// Time of recording, nanoseconds.
        package var logTime: UInt64
        /// Time of publishing, nanoseconds; `logTime` when that is not known.
        package var publishTime: UInt64
        package var data: [UInt8]

        package init(channelID: UInt16, sequence: UInt32 = 0, logTime: UInt64, publishTime: UInt64, data: [UInt8]) {
            self.channelID = channelID
            self.sequence = sequence
            self.logTime = logTime
            self.publishTime = publishTime
            self.data = data
        }
    }

    /// Schemas, channels and messages together, compressed or not.
    package struct Chunk: Equatable, Sendable {
        /// The least and the greatest log time of its messages; 0 both if it has none.
        package var startTime: UInt64
        package var endTime: UInt64
        package var uncompressedSize: UInt64
        /// CRC-32 of the uncompressed records; 0 when not computed.
        package var uncompressedCRC: UInt32
        /// Name of the compression: "", "zstd" or "lz4".
        package var compression: String
        package var records: [UInt8]

        package init(
            startTime: UInt64, endTime: UInt64, uncompressedSize: UInt64, uncompressedCRC: UInt32, compression: String,
            records: [UInt8]
        ) {
            self.startTime = startTime
            self.endTime = endTime
            self.uncompressedSize = uncompressedSize
            self.uncompressedCRC = uncompressedCRC
            self.compression = compression
            self.records = records
        }
    }

    /// The places of one channel's messages in the chunk before it.
    package struct MessageIndex: Equatable, Sendable {
        /// A message's time and place.
        package struct Entry: Equatable, Sendable {
            package var logTime: UInt64
            /// Offset in the uncompressed records.
            package var offset: UInt64

            package init(logTime: UInt64, offset: UInt64) {
                self.logTime = logTime
                self.offset = offset
            }
        }
        package var channelID: UInt16
        /// The messages' places, in the order of writing.
        package var entries: [Entry]

        package init(channelID: UInt16, entries: [Entry]) {
            self.channelID = channelID
            self.entries = entries
        }
    }

    /// The place of a chunk and of its indexes, with its times; nanoseconds and bytes.
    package struct ChunkIndex: Equatable, Sendable {
        package var startTime: UInt64
        package var endTime: UInt64
        package var chunkStart: UInt64
        /// Bytes of the chunk, with the record's prefix.
        package var chunkLength: UInt64
        /// Offset of each channel's MessageIndex in the file, by channel.
        package var messageIndexOffsets: [UInt16: UInt64]
        /// Bytes of all MessageIndex records of the chunk, with their prefixes.
        package var messageIndexLength: UInt64
        package var compression: String
        package var compressedSize: UInt64
        package var uncompressedSize: UInt64

        package init(
            startTime: UInt64, endTime: UInt64, chunkStart: UInt64, chunkLength: UInt64,
            messageIndexOffsets: [UInt16: UInt64] = [:], messageIndexLength: UInt64 = 0, compression: String,
            compressedSize: UInt64, uncompressedSize: UInt64
        ) {
            self.startTime = startTime
            self.endTime = endTime
            self.chunkStart = chunkStart
            self.chunkLength = chunkLength
            self.messageIndexOffsets = messageIndexOffsets
            self.messageIndexLength = messageIndexLength
            self.compression = compression
            self.compressedSize = compressedSize
            self.uncompressedSize = uncompressedSize
        }
    }

    /// A file within the file. Its checksum is computed by the writer and checked by the reader.
    package struct Attachment: Equatable, Sendable {
        package var logTime: UInt64
        /// Time at which the content was made, nanoseconds; 0 when not known.
        package var createTime: UInt64
        package var name: String
        package var mediaType: String
        package var data: [UInt8]

        package init(logTime: UInt64, createTime: UInt64 = 0, name: String, mediaType: String, data: [UInt8]) {
            self.logTime = logTime
            self.createTime = createTime
            self.name = name
            self.mediaType = mediaType
            self.data = data
        }
    }

    /// The place of an attachment, with what it says of itself.
    package struct AttachmentIndex: Equatable, Sendable {
        package var offset: UInt64
        /// Bytes of the attachment, with the record's prefix.
        package var length: UInt64
        package var logTime: UInt64
        package var createTime: UInt64
        package var dataSize: UInt64
        package var name: String
        package var mediaType: String

        package init(
            offset: UInt64, length: UInt64, logTime: UInt64, createTime: UInt64, dataSize: UInt64, name: String,
            mediaType: String
        ) {
            self.offset = offset
            self.length = length
            self.logTime = logTime
            self.createTime = createTime
            self.dataSize = dataSize
            self.name = name
            self.mediaType = mediaType
        }
    }

    /// The counts of the file's records.
    package struct Statistics: Equatable, Sendable {
        package var messageCount: UInt64 = 0
        package var schemaCount: UInt16 = 0
        package var channelCount: UInt32 = 0
        package var attachmentCount: UInt32 = 0
        package var metadataCount: UInt32 = 0
        package var chunkCount: UInt32 = 0
        /// The least and the greatest log time; 0 both without messages.
        package var startTime: UInt64 = 0
        package var endTime: UInt64 = 0
        package var channelMessageCounts: [UInt16: UInt64] = [:]

        package init() {}
    }

    /// A named map of texts.
    package struct Metadata: Equatable, Sendable {
        package var name: String
        package var metadata: [String: String]

        package init(name: String, metadata: [String: String]) {
            self.name = name
            self.metadata = metadata
        }
    }

    /// The place of a metadata record.
    package struct MetadataIndex: Equatable, Sendable {
        package var offset: UInt64
        /// Bytes of the metadata, with the record's prefix.
        package var length: UInt64
        package var name: String

        package init(offset: UInt64, length: UInt64, name: String) {
            self.offset = offset
            self.length = length
            self.name = name
        }
    }

    /// The place of the summary's records of one kind.
    package struct SummaryOffset: Equatable, Sendable {
        package var groupOpcode: UInt8
        package var groupStart: UInt64
        package var groupLength: UInt64

        package init(groupOpcode: UInt8, groupStart: UInt64, groupLength: UInt64) {
            self.groupOpcode = groupOpcode
            self.groupStart = groupStart
            self.groupLength = groupLength
        }
    }

    /// The end of the data, with their checksum.
    package struct DataEnd: Equatable, Sendable {
        /// CRC-32 from the start of the file up to this record; 0 when not computed.
        package var dataSectionCRC: UInt32

        package init(dataSectionCRC: UInt32) { self.dataSectionCRC = dataSectionCRC }
    }

    /// A record of any kind.
    package enum Record: Equatable, Sendable {
        case header(Header)
        case footer(Footer)
        case schema(Schema)
        case channel(Channel)
        case message(Message)
        case chunk(Chunk)
        case messageIndex(MessageIndex)
        case chunkIndex(ChunkIndex)
        case attachment(Attachment)
        case attachmentIndex(AttachmentIndex)
        case statistics(Statistics)
        case metadata(Metadata)
        case metadataIndex(MetadataIndex)
        case summaryOffset(SummaryOffset)
        case dataEnd(DataEnd)
        /// A private or a later one; to be passed over.
        case unknown(opcode: UInt8, content: [UInt8])
    }
}
