// Signed in, in a window that a frame opened: the frame goes on.
new BroadcastChannel("footnote-widget").postMessage("signed in");
