import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type WorkspacePrincipal } from '#libs/auth';
import { dataProfile } from '#libs/contracts';

import { DataProfileReader } from './data.profile.js';

@Controller()
@dataProfile.DataProfileServiceControllerMethods()
export class DataProfileController implements dataProfile.DataProfileServiceController {
  constructor(private readonly reader: DataProfileReader) {}

  async getDataProfiles(
    @Payload() { modelIds }: dataProfile.GetDataProfilesRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<dataProfile.GetDataProfilesResponse> {
    return { models: await this.reader.of(workspaceId, modelIds) };
  }
}
