import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type WorkspacePrincipal } from '#libs/auth';
import { pastReading } from '#libs/contracts';

import { PastReadingService } from './past.reading.service.js';

@Controller()
@pastReading.PastReadingServiceControllerMethods()
export class PastReadingController implements pastReading.PastReadingServiceController {
  constructor(private readonly readings: PastReadingService) {}

  readPast(@Payload() request: pastReading.ReadPastRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<pastReading.ReadPastResponse> {
    return this.readings.read(workspaceId, request);
  }
}
