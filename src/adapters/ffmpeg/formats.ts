/**
 * What ffmpeg may take a file for, by the names of its demuxers. Whatever else it knows is refused, and with it what leads to other
 * files: playlists (`hls`, `dash`), scripts (`concat`), image sequences.
 */
export const FORMATS = "mov,matroska,avi,mpegts,mpeg,mpegvideo";

/** The MIME types of those, as file-type tells them, in this version and in others. */
export const VIDEO_TYPES: readonly string[] = [
  "video/mp4",
  "video/quicktime",
  "video/x-m4v",
  "video/3gpp",
  "video/3gpp2",
  "video/webm",
  "video/matroska",
  "video/x-matroska",
  "video/vnd.avi",
  "video/x-msvideo",
  "video/mp2t",
  "video/mpeg",
  "video/mp1s",
  "video/mp2p",
];
