import { processPhoto } from "./job.js";

void processPhoto(process.argv[2]).then((outcome) => console.log(JSON.stringify(outcome)));
